// Package token signs and verifies access tokens, which identify the caller: JSON Web Tokens (RFC 7519), HS256 with a secret
// that all services share (decision 0015). Auth signs them. The gateway verifies them at the edge, and each service again.
package token

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// TTL is the lifetime of an access token. Until it ends, a token keeps the roles that its account had, so the lifetime is short.
const TTL = 5 * time.Minute

// Issuer and Audience are the values that every token must have.
const (
	Issuer   = "comanda/auth"
	Audience = "comanda"
)

// The roles. Every account has Customer.
const (
	Customer = "customer"
	Staff    = "staff"
	Admin    = "admin"
)

// Claims is the content of a token. Subject is the account's id. AuthTime is when the person gave the password (OpenID Connect Core
// 1.0, section 2); only the token of a login has it.
type Claims struct {
	Roles    []string         `json:"roles"`
	Session  string           `json:"sid,omitempty"`   // the login that the token comes from (OpenID Connect Front-Channel Logout 1.0, 3)
	Epoch    int              `json:"epoch,omitempty"` // of the account when the token was signed; auth refuses an earlier one
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	jwt.RegisteredClaims
}

// Any reports whether the claims have at least one of roles.
func (c Claims) Any(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Roles, role) })
}

// LoggedInAt returns c for the token of a login: the person has given the password at the given time. For the zero time it returns c
// unchanged.
func (c Claims) LoggedInAt(login time.Time) Claims {
	if !login.IsZero() {
		c.AuthTime = jwt.NewNumericDate(login)
	}
	return c
}

// LoggedInSince reports whether the person got this token by giving the password, at start or later. It is false for a token that a refresh
// issued.
func (c Claims) LoggedInSince(start time.Time) bool {
	return c.AuthTime != nil && !c.AuthTime.Before(start)
}

// Verifier verifies access tokens.
type Verifier struct {
	keys   []namedKey
	parser *jwt.Parser
}

// namedKey is a secret with its id.
type namedKey struct {
	id     string
	secret Secret
}

// NewVerifier returns a verifier that accepts only HS256 with one of secrets, and requires issuer, audience and expiry.
func NewVerifier(secrets ...Secret) Verifier {
	v := Verifier{parser: jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(Issuer),
		jwt.WithAudience(Audience), jwt.WithExpirationRequired(), jwt.WithStrictDecoding())}
	for _, secret := range secrets {
		v.keys = append(v.keys, namedKey{secret.id(), secret})
	}
	return v
}

// Bearer verifies an Authorization header (RFC 6750, 2.1) and returns the claims of its token. Any failure is an
// Unauthenticated error whose message tells the client what to do.
func (v Verifier) Bearer(header string) (Claims, error) {
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return Claims{}, fault.Unauthenticated("send Authorization: Bearer with the accessToken of POST /auth/login")
	}
	if text = strings.Trim(text, " \t"); text == "" {
		return Claims{}, fault.BadToken("Authorization: Bearer has no token: send the accessToken of POST /auth/login")
	}
	var claims Claims
	_, err := v.parser.ParseWithClaims(text, &claims, v.secretsFor)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, fault.BadToken("the token has expired: get a new one with POST /auth/refresh")
	case err != nil:
		return Claims{}, fault.BadToken("the token is not valid: refresh it, or log in again")
	case !validate.IsUUID(claims.Subject):
		return Claims{}, fault.BadToken("the token has no account id: log in again")
	}
	return claims, nil
}

// secretsFor returns the secret that the token's kid names, or all secrets for a token without kid. The parser refuses a token if there
// is none.
func (v Verifier) secretsFor(t *jwt.Token) (any, error) {
	var candidates []jwt.VerificationKey
	id, named := t.Header["kid"]
	for _, key := range v.keys {
		if len(key.secret) < MinSecret {
			return nil, errShort
		}
		if !named || id == key.id {
			candidates = append(candidates, []byte(key.secret))
		}
	}
	return jwt.VerificationKeySet{Keys: candidates}, nil
}

type claimsKey struct{}

// With returns a context that carries the caller's claims.
func With(ctx context.Context, claims Claims) context.Context {
	return context.WithValue(ctx, claimsKey{}, claims)
}

// From returns the caller's claims from ctx. Without a token they are empty and have no role.
func From(ctx context.Context) Claims {
	claims, _ := ctx.Value(claimsKey{}).(Claims)
	return claims
}
