package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// MinSecret is the minimum length of a secret in bytes: the hash size of HS256 (RFC 7518, 3.2).
const MinSecret = 32

// Secret is a key that signs tokens. Its value never appears in logs or JSON.
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

// Sign returns an access token for an account, valid for TTL from now. Its header kid names the secret.
func (s Secret) Sign(account string, roles []string, now time.Time) (string, error) {
	return s.SignClaims(account, Claims{Roles: roles}, now)
}

// SignClaims is Sign for a token with more claims than the roles. It sets the registered claims.
func (s Secret) SignClaims(account string, claims Claims, now time.Time) (string, error) {
	if len(s) < MinSecret {
		return "", fmt.Errorf("sign a token: the secret %w", errShort)
	}
	claims.RegisteredClaims = jwt.RegisteredClaims{
		Issuer: Issuer, Audience: jwt.ClaimStrings{Audience}, Subject: account, ID: uuid.NewString(),
		IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(TTL)),
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
	unsigned.Header["kid"] = s.id()
	return unsigned.SignedString([]byte(s))
}

// Derive returns a key of 32 bytes for another purpose (HKDF, RFC 5869). It reveals neither the secret nor the key of another
// purpose.
func (s Secret) Derive(purpose string) []byte { return s.expand(purpose, sha256.Size) }

// idLength is the length of a key's id in bytes. An id only has to tell two keys apart.
const idLength = 8

// id returns the id of the secret, which the header kid of its tokens holds (RFC 7515, 4.1.4).
func (s Secret) id() string {
	return base64.RawURLEncoding.EncodeToString(s.expand("comanda/token key id", idLength))
}

func (s Secret) expand(purpose string, length int) []byte {
	key, err := hkdf.Key(sha256.New, s, nil, purpose, length)
	if err != nil { // only for a length above 255 hashes
		panic(err)
	}
	return key
}

// Keys are the secrets of a service. Current signs. Both verify, so that services which sign with different keys accept each
// other's tokens while an operator rotates the key (docs/operations.md).
type Keys struct {
	Current  Secret `env:"JWT_SECRET_KEY,required"`
	Previous Secret `env:"JWT_SECRET_KEY_PREVIOUS"` // the key before Current, or the one that will follow it; usually not set
}

// All returns the secrets that are set, the current one first.
func (k Keys) All() []Secret {
	if len(k.Previous) == 0 {
		return []Secret{k.Current}
	}
	return []Secret{k.Current, k.Previous}
}

// Derive returns the keys derived from each secret for purpose, the current secret's key first. Use the first key to create something,
// and accept every key when you check it.
func (k Keys) Derive(purpose string) [][]byte {
	var keys [][]byte
	for _, secret := range k.All() {
		keys = append(keys, secret.Derive(purpose))
	}
	return keys
}
