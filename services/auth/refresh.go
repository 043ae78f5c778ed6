package main

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

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
	// spentTime is how long the row of a spent token is kept: longer than repeatTime and graceTime need it.
	spentTime = time.Hour
)

// refreshToken is opaque to clients. It names its family, so that the use of a spent token is recognised even after the token's row was
// deleted. The secret has 256 bits. Only the token's hash is stored.
type refreshToken struct {
	family uuid.UUID // the zero UUID in a token of an earlier version, which did not name its family
	secret [32]byte
}

func newRefreshToken(family uuid.UUID) refreshToken {
	t := refreshToken{family: family}
	_, _ = rand.Read(t.secret[:]) // never fails (package crypto/rand)
	return t
}

// parseRefreshToken decodes a token that a client sent. It returns false when the text is not a well-formed token.
func parseRefreshToken(s string) (t refreshToken, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return t, false
	}
	switch len(raw) {
	case len(t.family) + len(t.secret):
		copy(t.family[:], raw)
		copy(t.secret[:], raw[len(t.family):])
		return t, t.family != uuid.Nil
	case len(t.secret):
		copy(t.secret[:], raw)
		return t, true
	}
	return t, false
}

func (t refreshToken) bytes() []byte {
	if t.family == uuid.Nil {
		return t.secret[:]
	}
	return append(t.family[:], t.secret[:]...)
}

func (t refreshToken) String() string { return base64.RawURLEncoding.EncodeToString(t.bytes()) }

// hash returns the stored form of the token. A fast hash is enough, because 256 random bits cannot be guessed.
func (t refreshToken) hash() []byte {
	sum := sha256.Sum256(t.bytes())
	return sum[:]
}

// rotation derives the successors of refresh tokens. A proxy can deliver a request twice, and a response can be lost. So the
// successor is computed from the token and the request's Idempotency-Key: the same request gets the same response, and no
// token needs to be stored for that.
type rotation struct{ keys [][]byte }

func newRotation(keys token.Keys) rotation {
	return rotation{keys.Derive("comanda/auth refresh tokens")}
}

// successors returns the refresh tokens that the same request may have issued in exchange for t, one for each secret: while the secret is
// being changed, either may have been used.
func (r rotation) successors(t refreshToken, family uuid.UUID, idempotencyKey string) (next []refreshToken) {
	for _, key := range r.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write(t.hash()) // has a fixed length, so no other pair of token and key gives the same input
		mac.Write([]byte(idempotencyKey))
		next = append(next, refreshToken{family, [32]byte(mac.Sum(nil))})
	}
	return next
}

// storedToken is a presented refresh token, as the tables hold it.
type storedToken struct {
	Account string
	Family  string
	Epoch   int
	Started time.Time  // the login of its family
	Paced   time.Time  // the pace of its family
	Expires *time.Time // nil when its row is gone: it was spent, and after spentTime its row was deleted
	Spent   *time.Time
	Next    []byte // the hash of its successor, if this same request spent it
}

// verdict is the decision about a presented refresh token.
type verdict int

const (
	refuse verdict = iota // 401
	late                  // 401: another request has just spent it, and the family lives
	revoke                // 401, and its whole family is deleted
	reused                // as revoke, and it is recorded: the token, or its successor, has been stolen
	rotate                // spend it and create its successor
	repeat                // return its successor again
)

// judgeToken decides about a token of account, which is the zero Account when the account does not exist. A session of maxAge or
// more has ended.
func judgeToken(t storedToken, account Account, maxAge time.Duration, now time.Time) verdict {
	switch {
	case account.Status != Active || !account.accepts(t.Family, t.Epoch), now.Sub(t.Started) >= maxAge:
		return revoke
	case t.Expires == nil:
		return reused
	case t.Spent == nil && now.Before(*t.Expires):
		return rotate
	case t.Spent == nil:
		return refuse
	case t.Next != nil && now.Sub(*t.Spent) < repeatTime:
		return repeat
	case now.Sub(*t.Spent) < graceTime:
		return late
	}
	return reused // a spent token was used again: it, or its successor, has been stolen (RFC 9700, 4.14.2)
}
