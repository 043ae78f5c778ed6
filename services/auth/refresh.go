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
	// refreshTTL is how long a refresh token is good for.
	refreshTTL = 30 * 24 * time.Hour
	// repeatTime is how long a refresh may be repeated: longer than a proxy tries again, shorter than a thief takes.
	repeatTime = time.Minute
)

// refreshToken is opaque to clients: 256 bits. Only its hash is stored.
type refreshToken [32]byte

func newRefreshToken() (t refreshToken) {
	_, _ = rand.Read(t[:]) // never fails (package crypto/rand)
	return t
}

// parseRefreshToken reads what a client sent; false when it cannot be a token.
func parseRefreshToken(s string) (t refreshToken, ok bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(raw) != len(t) {
		return t, false
	}
	return refreshToken(raw), true
}

func (t refreshToken) String() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// hash is what is stored of a token. A fast hash will do: nobody guesses 256 random bits.
func (t refreshToken) hash() []byte {
	sum := sha256.Sum256(t[:])
	return sum[:]
}

// rotation makes successors. A request can arrive twice through the proxy, and its answer can be lost: the successor follows
// from the token and the request's Idempotency-Key, so that the same request has the same answer, which is stored nowhere.
type rotation struct{ key []byte }

func newRotation(secret token.Secret) (rotation, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "comanda/auth refresh tokens", sha256.Size)
	if err != nil {
		return rotation{}, fmt.Errorf("derive the key of refresh tokens: %w", err)
	}
	return rotation{key}, nil
}

func (r rotation) successor(t refreshToken, idempotencyKey string) (next refreshToken) {
	mac := hmac.New(sha256.New, r.key)
	mac.Write(t[:]) // of a fixed length, so that nothing can move between it and the key
	mac.Write([]byte(idempotencyKey))
	copy(next[:], mac.Sum(nil))
	return next
}

// ticket is what is known of a refresh token that somebody shows.
type storedToken struct {
	Account string
	Epoch   int
	Expires time.Time
	Spent   *time.Time
	Same    bool // it was spent by this very request: the successor that would be made is there
}

// verdict is what becomes of a shown refresh token.
type verdict int

const (
	refuse verdict = iota // 401
	revoke                // 401, and its whole family ends
	rotate                // it is spent, and its successor is made
	repeat                // its successor is answered again
)

// judge decides on a ticket for account, which is the zero Account when there is none.
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
	}
	return revoke // a spent token shown again: it, or its successor, is in the wrong hands (RFC 9700, 4.14.2)
}
