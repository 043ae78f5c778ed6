// Package token makes and checks the access tokens that prove who calls: JSON Web Tokens (RFC 7519), HS256 with the one
// secret all services share. Auth signs them; the gateway checks them at the edge, and each service again.
package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// TTL is how long an access token is good for.
const TTL = 15 * time.Minute

// MinSecret is the least length of the secret in bytes: that of HS256's hash (RFC 7518, 3.2).
const MinSecret = 32

// Issuer and Audience stand in every token and are demanded of each.
const (
	Issuer   = "comanda/auth"
	Audience = "comanda"
)

// The roles there are. Every account is a customer.
const (
	Customer = "customer"
	Staff    = "staff"
	Admin    = "admin"
)

// Claims are what a token says: Subject is the account's id.
type Claims struct {
	Roles []string `json:"roles"`
	jwt.RegisteredClaims
}

// Any says whether the claims have at least one of roles.
func (c Claims) Any(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Roles, role) })
}

// Secret is the key that signs tokens. It shows itself in no log, whatever prints it.
type Secret []byte

// errShort refuses to work with a secret that nobody checked, such as none at all.
var errShort = errors.New("has to be at least 32 bytes long (openssl rand -base64 48 makes a good one)")

// UnmarshalText takes the secret from a setting and refuses one that is too short.
func (s *Secret) UnmarshalText(text []byte) error {
	if len(text) < MinSecret {
		return errShort
	}
	*s = slices.Clone(text)
	return nil
}

// Format hides the secret from every verb of package fmt.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(secret)") }

// MarshalText hides the secret from JSON, and so from structured logs.
func (s Secret) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Sign makes an access token for an account.
func (s Secret) Sign(account string, roles []string, now time.Time) (string, error) {
	if len(s) < MinSecret {
		return "", fmt.Errorf("sign a token: the secret %w", errShort)
	}
	claims := Claims{Roles: roles, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: Issuer, Audience: jwt.ClaimStrings{Audience}, Subject: account, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TTL)),
	}}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s))
}

// Verifier checks tokens.
type Verifier struct {
	secret Secret
	parser *jwt.Parser
}

// NewVerifier makes a verifier that accepts HS256 under secret alone, and demands issuer, audience and expiry.
func NewVerifier(secret Secret) Verifier {
	return Verifier{secret, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(Issuer),
		jwt.WithAudience(Audience), jwt.WithExpirationRequired())}
}

// Bearer checks an Authorization header (RFC 6750, 2.1) and returns what its token says. Any failure is Unauthenticated,
// with a message that says what to do.
func (v Verifier) Bearer(header string) (Claims, error) {
	scheme, text, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || text == "" {
		return Claims{}, fault.Unauthenticated("send Authorization: Bearer with the accessToken of POST /auth/login")
	}
	var claims Claims
	_, err := v.parser.ParseWithClaims(text, &claims, v.key)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, fault.Unauthenticated("the token has expired: POST /auth/refresh gives a new one")
	case err != nil:
		return Claims{}, fault.Unauthenticated("the token is not valid")
	case !validate.IsUUID(claims.Subject):
		return Claims{}, fault.Unauthenticated("the token names no account")
	}
	return claims, nil
}

func (v Verifier) key(*jwt.Token) (any, error) {
	if len(v.secret) < MinSecret {
		return nil, errShort
	}
	return []byte(v.secret), nil
}

type key struct{}

// With returns ctx with the claims of who calls.
func With(ctx context.Context, claims Claims) context.Context {
	return context.WithValue(ctx, key{}, claims)
}

// From returns the claims of who calls; without a token they are empty and have no role.
func From(ctx context.Context) Claims {
	claims, _ := ctx.Value(key{}).(Claims)
	return claims
}
