package main

import (
	"fmt"

	"golang.org/x/crypto/bcrypt"
)

// passwords hashes and compares. Its dummy is compared for accounts that do not exist, so that the time an answer takes does
// not tell whether there is one.
type passwords struct {
	cost  int
	dummy []byte
}

func newPasswords(cost int) (passwords, error) {
	dummy, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	return passwords{cost, dummy}, err
}

// hash hashes a checked password.
func (p passwords) hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return string(hash), nil
}

// match says whether password is the one of hash. With an empty hash it is as slow, and false. So it is for a password that
// is longer than bcrypt looks at: comparing would cut it off and take it for its beginning.
func (p passwords) match(hash, password string) bool {
	comparable := hash != "" && len(password) <= maxPassword
	against := []byte(hash)
	if !comparable {
		against, password = p.dummy, password[:min(len(password), maxPassword)]
	}
	return bcrypt.CompareHashAndPassword(against, []byte(password)) == nil && comparable
}
