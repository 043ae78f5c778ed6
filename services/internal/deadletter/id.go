package deadletter

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// numbers are the services' numbers in the ids of their letters. They must never change, because ids are stored.
var numbers = map[string]byte{"auth": 1, "user": 2, "order": 3, "product": 4}

// newID returns the id of a record's letter: a UUID of version 8 (RFC 9562, 5.8) with the service's number in the first byte, so that the
// gateway knows which service to ask. The rest is a hash of the record, so that a record that arrives again has the same id.
func newID(service, topic string, payload []byte) string {
	hash := sha256.New()
	_ = binary.Write(hash, binary.BigEndian, uint64(len(topic)))
	hash.Write([]byte(topic))
	hash.Write(payload)
	id := uuid.UUID(hash.Sum(nil)[:16])
	id[0] = numbers[service]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// ServiceOf returns the service whose letters have ids like this one, or "" if no letter can have it. The letter may not exist.
func ServiceOf(id string) string {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 8 {
		return ""
	}
	for service, number := range numbers {
		if parsed[0] == number {
			return service
		}
	}
	return ""
}
