package main

import (
	"fmt"

	"golang.org/x/crypto/bcrypt"

	"comanda/services/internal/passwordrule"
)

// passwords hashes and compares passwords. For an account that does not exist it compares with the dummy, so that the response
// time does not reveal whether the account exists.
type passwords struct {
	cost  int
	dummy []byte
}

func newPasswords(cost int) (passwords, error) {
	dummy, err := bcrypt.GenerateFromPassword([]byte("nobody has this password"), cost)
	return passwords{cost, dummy}, err
}

// hash returns the bcrypt hash of a checked password.
func (p passwords) hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return string(hash), nil
}

// matches reports whether the typed password has the given hash. With an empty hash it is equally slow and returns false.
func (p passwords) matches(hash, typed string) bool {
	normal, err := passwordrule.Normal(typed)
	if err == nil && p.compare(hash, normal) {
		return true
	}
	// An account that was registered before passwords were normalised has the hash of the password as it was typed.
	return (err != nil || normal != typed) && p.compare(hash, typed)
}

// compare reports whether password has the given hash. With an empty hash, or a password longer than bcrypt's limit, it is
// equally slow and returns false: bcrypt would compare only the first 72 bytes.
func (p passwords) compare(hash, password string) bool {
	comparable := hash != "" && len(password) <= passwordrule.MaxLength
	against := []byte(hash)
	if !comparable {
		against, password = p.dummy, password[:min(len(password), passwordrule.MaxLength)]
	}
	return bcrypt.CompareHashAndPassword(against, []byte(password)) == nil && comparable
}
