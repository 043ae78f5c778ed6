package main

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/google/uuid"

	"comanda/services/internal/token"
)

// accountIDs derives the ids of accounts. The same registration gets the same id, so that two copies of it create one account. The
// id depends on a secret: otherwise a client that guesses another client's Idempotency-Key could compute the id from the e-mail, and
// GET /auth/registrations/{userId} would reveal that the e-mail is registered.
type accountIDs struct{ keys [][]byte }

func newAccountIDs(keys token.Keys) accountIDs {
	return accountIDs{keys.Derive("comanda/auth account ids")}
}

// candidates returns the ids that a registration may have, one for each secret, the current secret first. While the secret is being
// changed, the same request may have created the account under the other secret.
func (a accountIDs) candidates(email, idempotencyKey string) []string {
	var ids []string
	for _, key := range a.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(email + "\x00" + idempotencyKey)) // neither has a NUL
		id := uuid.UUID(mac.Sum(nil)[:16])
		id[6] = id[6]&0x0f | 0x80 // version 8: made by the application's own rule (RFC 9562, 5.8)
		id[8] = id[8]&0x3f | 0x80
		ids = append(ids, id.String())
	}
	return ids
}
