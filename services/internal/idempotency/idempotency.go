// Package idempotency makes "the same request again" mean "the same thing, once". A request carries an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header); the id of what it creates follows from the key and its owner, so that a race
// between two of them ends in one; and a fingerprint of the body tells the same request from another one under the same key.
package idempotency

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
)

// Header is the name of the header.
const Header = "Idempotency-Key"

// maxKey is the longest key that is taken, in bytes.
const maxKey = 200

// space is the name space of ids made from keys (RFC 9562, 5.5).
var space = uuid.MustParse("5b0b6b0e-6f0c-4f2e-9d1b-6b1f0a9b3c55")

// Key returns r's key, or a fresh one when it has none. A key is 1 to 200 printable ASCII characters.
func Key(r *http.Request) (string, error) {
	values := r.Header.Values(Header)
	if len(values) == 0 {
		return uuid.NewString(), nil
	}
	key := values[0]
	unprintable := func(c rune) bool { return c < 0x20 || c > 0x7e }
	if len(values) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, unprintable) {
		return "", fault.Malformed("%s has to be one value of 1 to %d printable ASCII characters", Header, maxKey)
	}
	return key, nil
}

// ID is the id of what owner creates with key; purpose keeps ids of different kinds apart.
func ID(purpose, owner, key string) string {
	return uuid.NewSHA1(space, []byte(purpose+"\x00"+owner+"\x00"+key)).String()
}

// Fingerprint is the same for requests that ask for the same. Request is decoded, so that white space and the order of
// members do not matter.
func Fingerprint(request any) string {
	raw, err := json.Marshal(request)
	if err != nil { // requests are plain structs
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// ErrOtherBody is the answer to a key that was used before, with another body.
func ErrOtherBody() error {
	return fault.Wrong(Header, "was used before for another request: take a new one")
}
