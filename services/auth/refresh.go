package main

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"comanda/services/internal/token"
)

const (
	// refreshTTL is the lifetime of a refresh token.
	refreshTTL = 30 * 24 * time.Hour
	// repeatTime is how long the same refresh request may be repeated: long enough for a proxy's retries, too short for a thief.
	repeatTime = time.Minute
	// graceTime is how long another use of a spent token is refused without ending the session: two tabs of one customer may
	// refresh at the same moment.
	graceTime = 10 * time.Second
)

// refreshToken is opaque to clients: 256 bits. Only its hash is stored.
type refreshToken [32]byte

func newRefreshToken() (t refreshToken) {
	_, _ = rand.Read(t[:]) // never fails (package crypto/rand)
	return t
}

// parseRefreshToken decodes a token that a client sent. It returns false when the text is not a well-formed token.
func parseRefreshToken(s string) (t refreshToken, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) != len(t) {
		return t, false
	}
	return refreshToken(raw), true
}

func (t refreshToken) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// hash returns the stored form of the token. A fast hash is enough, because 256 random bits cannot be guessed.
func (t refreshToken) hash() []byte {
	sum := sha256.Sum256(t[:])
	return sum[:]
}

// rotation derives the successors of refresh tokens. A proxy can deliver a request twice, and a response can be lost. So the
// successor is computed from the token and the request's Idempotency-Key: the same request gets the same response, and no
// token needs to be stored for that.
type rotation struct{ key []byte }

func newRotation(secret token.Secret) (rotation, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "comanda/auth refresh tokens", sha256.Size)
	if err != nil {
		return rotation{}, fmt.Errorf("derive the refresh token key from JWT_SECRET_KEY: %w", err)
	}
	return rotation{key}, nil
}

func (r rotation) successor(t refreshToken, idempotencyKey string) (next refreshToken) {
	mac := hmac.New(sha256.New, r.key)
	mac.Write(t[:]) // has a fixed length, so no other pair of token and key gives the same input
	mac.Write([]byte(idempotencyKey))
	copy(next[:], mac.Sum(nil))
	return next
}

// storedToken is what the tables hold about a refresh token that a client presents.
type storedToken struct {
	Account string
	Epoch   int
	Expires time.Time
	Spent   *time.Time
	Same    bool // this same request spent it: the successor that it would create exists
}

// verdict is the decision about a presented refresh token.
type verdict int

const (
	refuse verdict = iota // 401
	late                  // 401: another request has just spent it, and the family lives
	revoke                // 401, and its whole family is deleted
	rotate                // spend it and create its successor
	repeat                // return its successor again
)

// judgeToken decides about a token of account, which is the zero Account when the account does not exist.
func judgeToken(t storedToken, account Account, now time.Time) verdict {
	switch {
	case account.Status != Active || account.Epoch != t.Epoch:
		return revoke
	case t.Spent == nil && now.Before(t.Expires):
		return rotate
	case t.Spent == nil:
		return refuse
	case t.Same && now.Sub(*t.Spent) < repeatTime:
		return repeat
	case now.Sub(*t.Spent) < graceTime:
		return late
	}
	return revoke // a spent token was used again: it, or its successor, has been stolen (RFC 9700, 4.14.2)
}
