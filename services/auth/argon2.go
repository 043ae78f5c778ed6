package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// hashCost holds the parameters of argon2id (RFC 9106, 3.1).
type hashCost struct {
	memory uint32 // KiB
	passes uint32
}

// standardCost is one of the equal choices of OWASP's Password Storage Cheat Sheet, the one with less memory for about the same
// time. Decision 0014 has the measurements.
var standardCost = hashCost{memory: 12 << 10, passes: 3}

const (
	hashThreads = 1
	saltLength  = 16 // bytes (RFC 9106, 3.1)
	keyLength   = 32 // bytes
	// Bounds of a stored hash's parameters, so that a corrupt one cannot exhaust the memory.
	maxHashMemory = 64 << 10
	maxHashPasses = 16
)

// prefix begins every hash of this cost (PHC string format, https://github.com/P-H-C/phc-string-format).
func (c hashCost) prefix() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$", argon2.Version, c.memory, c.passes, hashThreads)
}

// hash returns the hash of password in PHC string format, with a new salt.
func (c hashCost) hash(password string) string {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails (package crypto/rand)
	return c.prefix() + encodeHash(salt) + "$" + encodeHash(c.key(password, salt))
}

func (c hashCost) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, hashThreads, keyLength)
}

func encodeHash(part []byte) string { return base64.RawStdEncoding.EncodeToString(part) }

// compareHash reports whether password has the stored hash. It returns an error when the hash is of no known kind.
func compareHash(stored, password string) (bool, error) {
	if strings.HasPrefix(stored, "$2") { // bcrypt, of an earlier version
		return bcrypt.CompareHashAndPassword([]byte(stored), []byte(password)) == nil, nil
	}
	cost, salt, key, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(cost.key(password, salt), key) == 1, nil
}

// parseHash reads a hash of argon2id. Its errors never contain the hash.
func parseHash(stored string) (cost hashCost, salt, key []byte, err error) {
	wrong := fmt.Errorf("the stored password hash is of no known kind")
	parts := strings.Split(stored, "$")
	if len(parts) != 6 {
		return cost, nil, nil, wrong
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,", &cost.memory, &cost.passes); err != nil {
		return cost, nil, nil, wrong
	}
	bounded := cost.memory >= 8 && cost.memory <= maxHashMemory && cost.passes >= 1 && cost.passes <= maxHashPasses
	if !bounded || !strings.HasPrefix(stored, cost.prefix()) {
		return cost, nil, nil, wrong
	}
	salt, badSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, badKey := base64.RawStdEncoding.DecodeString(parts[5])
	if badSalt != nil || badKey != nil || len(salt) < saltLength || len(key) != keyLength {
		return cost, nil, nil, wrong
	}
	return cost, salt, key, nil
}
