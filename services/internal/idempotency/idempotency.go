// Package idempotency lets a client repeat a request safely: the same key and the same body have their effect once. A
// request carries an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header). The id of the created aggregate is derived
// from the key and its owner, so two concurrent requests create one aggregate. A fingerprint of the body tells a repeated
// request from a different one under the same key.
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

// maxKey is the maximum length of a key in bytes.
const maxKey = 200

// namespace is the name space of the ids derived from keys (RFC 9562, 5.5).
var namespace = uuid.MustParse("5b0b6b0e-6f0c-4f2e-9d1b-6b1f0a9b3c55")

// Key returns r's idempotency key, or a random one when r has none. A key is 1 to 200 printable ASCII characters.
func Key(r *http.Request) (string, error) {
	values := r.Header.Values(Header)
	if len(values) == 0 {
		return uuid.NewString(), nil
	}
	key := values[0]
	unprintable := func(c rune) bool { return c < 0x20 || c > 0x7e }
	if len(values) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, unprintable) {
		return "", fault.Malformed("%s must be one value of 1 to %d printable ASCII characters", Header, maxKey)
	}
	return key, nil
}

// ID returns the id of the aggregate that owner creates with key. The purpose keeps ids of different kinds apart.
func ID(purpose, owner, key string) string {
	return uuid.NewSHA1(namespace, []byte(purpose+"\x00"+owner+"\x00"+key)).String()
}

// Fingerprint returns a hash of a decoded request. White space and the order of members in the body do not change it.
func Fingerprint(request any) string {
	raw, err := json.Marshal(request)
	if err != nil { // cannot happen: requests are plain structs
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// ErrOtherBody returns the error for a key that was used before with a different body.
func ErrOtherBody() error {
	return fault.Wrong(Header, "was used before for another request: take a new one")
}
