// Package token signs and verifies access tokens, which identify the caller: JSON Web Tokens (RFC 7519), HS256 with the
// secret that all services share. Auth signs them. The gateway verifies them at the edge, and each service again.
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

// TTL is the lifetime of an access token.
const TTL = 15 * time.Minute

// MinSecret is the minimum length of the secret in bytes: the hash size of HS256 (RFC 7518, 3.2).
const MinSecret = 32

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
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
	jwt.RegisteredClaims
}

// Any reports whether the claims have at least one of roles.
func (c Claims) Any(roles ...string) bool {
	return slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(c.Roles, role) })
}

// Secret is the key that signs tokens. Its value never appears in logs or JSON.
type Secret []byte

// errShort is returned for a secret that is empty or too short, also by Sign and Bearer.
var errShort = errors.New("must be at least 32 bytes long (openssl rand -base64 48 makes a good one)")

// UnmarshalText reads the secret from a setting. It returns an error if the secret is too short.
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

// LoggedInSince reports whether the person gave the password at or after the given time to get this token. It is false for the
// token of a refresh.
func (c Claims) LoggedInSince(start time.Time) bool {
	return c.AuthTime != nil && !c.AuthTime.Before(start)
}

// Sign returns an access token for an account, valid for TTL from now.
func (s Secret) Sign(account string, roles []string, now time.Time) (string, error) {
	return s.sign(Claims{Roles: roles}, account, now)
}

// SignLogin is Sign for an account whose person has just given the password.
func (s Secret) SignLogin(account string, roles []string, now time.Time) (string, error) {
	return s.sign(Claims{Roles: roles, AuthTime: jwt.NewNumericDate(now)}, account, now)
}

func (s Secret) sign(claims Claims, account string, now time.Time) (string, error) {
	if len(s) < MinSecret {
		return "", fmt.Errorf("sign a token: the secret %w", errShort)
	}
	claims.RegisteredClaims = jwt.RegisteredClaims{
		Issuer: Issuer, Audience: jwt.ClaimStrings{Audience}, Subject: account, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TTL)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(s))
}

// Verifier verifies access tokens.
type Verifier struct {
	secret Secret
	parser *jwt.Parser
}

// NewVerifier returns a verifier that accepts only HS256 with secret, and requires issuer, audience and expiry.
func NewVerifier(secret Secret) Verifier {
	return Verifier{secret, jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithIssuer(Issuer),
		jwt.WithAudience(Audience), jwt.WithExpirationRequired())}
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
	_, err := v.parser.ParseWithClaims(text, &claims, v.key)
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

func (v Verifier) key(*jwt.Token) (any, error) {
	if len(v.secret) < MinSecret {
		return nil, errShort
	}
	return []byte(v.secret), nil
}

type key struct{}

// With returns a context that carries the caller's claims.
func With(ctx context.Context, claims Claims) context.Context {
	return context.WithValue(ctx, key{}, claims)
}

// From returns the caller's claims from ctx. Without a token they are empty and have no role.
func From(ctx context.Context) Claims {
	claims, _ := ctx.Value(key{}).(Claims)
	return claims
}
