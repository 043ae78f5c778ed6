package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
)

// IdempotencyHeader carries the client's key for a request (draft-ietf-httpapi-idempotency-key-header). It lets the client repeat the
// request safely: the same key and the same body have their effect once. The id of the created aggregate is derived from the key and its
// owner, so two concurrent requests create one aggregate. A fingerprint of the body tells a repeated request from a different one under
// the same key.
const IdempotencyHeader = "Idempotency-Key"

// maxIdempotencyKey is the maximum length of an idempotency key in bytes.
const maxIdempotencyKey = 200

// keyNamespace is the name space of the ids derived from idempotency keys (RFC 9562, 5.5).
var keyNamespace = uuid.MustParse("5b0b6b0e-6f0c-4f2e-9d1b-6b1f0a9b3c55")

// IdempotencyKey returns r's idempotency key, or a random one when r has none. A key is 1 to 200 printable ASCII characters.
func IdempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values(IdempotencyHeader)
	if len(values) == 0 {
		return uuid.NewString(), nil
	}
	key := values[0]
	unprintable := func(c rune) bool { return c < 0x20 || c > 0x7e }
	if len(values) > 1 || key == "" || len(key) > maxIdempotencyKey || strings.ContainsFunc(key, unprintable) {
		return "", fault.Malformed("%s must be one value of 1 to %d printable ASCII characters", IdempotencyHeader, maxIdempotencyKey)
	}
	return key, nil
}

// IDFromKey returns the id of the aggregate that owner creates with an idempotency key. The purpose keeps ids of different kinds apart.
func IDFromKey(purpose, owner, key string) string {
	return uuid.NewSHA1(keyNamespace, []byte(purpose+"\x00"+owner+"\x00"+key)).String()
}

// Fingerprint returns a hash of the decoded body of a request. White space and the order of members do not change it.
func Fingerprint(request any) string {
	raw, err := json.Marshal(request)
	if err != nil { // cannot happen: requests are plain structs
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// KeyReused returns the error for an idempotency key that was used before with a different body.
func KeyReused() error {
	return fault.Wrong(IdempotencyHeader, "was used before for another request: take a new one")
}
