package main

import (
	"fmt"

	"golang.org/x/crypto/bcrypt"

	"comanda/services/internal/validate"
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

// checkPassword returns password prepared for hash, or why the account with this e-mail and name cannot have it.
func checkPassword(password, email, name string) (prepared, problem string) {
	if prepared, problem = preparePassword(password); problem == "" {
		problem = weakness(prepared, email, name)
	}
	return prepared, problem
}

// preparePassword returns password prepared for hash, or why no account can have it.
func preparePassword(password string) (prepared, problem string) {
	prepared, ok := validate.Password(password)
	switch {
	case password == "":
		return "", "must be given: " + passwordLength
	case !ok:
		return "", "must not have control characters or invisible characters, such as the joiners and selectors of some emoji"
	case len(prepared) < minPassword || len(prepared) > maxPassword:
		return "", passwordLength
	}
	return prepared, ""
}

const passwordLength = "must be 8 to 72 bytes long"

// hash returns the bcrypt hash of a password that checkPassword has prepared.
func (p passwords) hash(password string) (string, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), p.cost)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return string(hash), nil
}

// matches reports whether password has the given hash. A hash of before passwords were prepared is that of the password as it
// was typed, so both forms are compared when they differ, even if the first matches: the time depends on the password only.
func (p passwords) matches(hash, password string) bool {
	prepared, ok := validate.Password(password)
	if !ok || prepared == password {
		return p.hashMatches(hash, password)
	}
	asPrepared, asTyped := p.hashMatches(hash, prepared), p.hashMatches(hash, password)
	return asPrepared || asTyped
}

// hashMatches reports whether password has the given hash. With an empty hash, or a password longer than bcrypt's limit, it is
// equally slow and returns false: bcrypt would compare only the first 72 bytes.
func (p passwords) hashMatches(hash, password string) bool {
	comparable := hash != "" && len(password) <= maxPassword
	against := []byte(hash)
	if !comparable {
		against, password = p.dummy, password[:min(len(password), maxPassword)]
	}
	return bcrypt.CompareHashAndPassword(against, []byte(password)) == nil && comparable
}
