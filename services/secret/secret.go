package secret

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"comanda/services/internal/validate"
)

// MinimumKey is the minimum length of JWT_SECRET_KEY in bytes. The services reject a shorter one.
const MinimumKey = 32

// Secret is a setting that is generated when the environment does not set it.
type Secret struct {
	Name  string             // its name in the file and in the environment
	Also  string             // a second name in the environment; may be empty
	Make  func() string      // generates a value
	Check func(string) error // validates a value of the environment; may be nil
}

// Key generates a value for JWT_SECRET_KEY.
func Key() string { return rand.Text() + rand.Text() }

// Token generates a value that only programs use: 130 bits.
func Token() string { return rand.Text() }

// Password generates a value that a person can copy: 16 letters and digits, 80 bits.
func Password() string { return strings.ToLower(rand.Text()[:16]) }

// Fixed returns a Make function that always returns text.
func Fixed(text string) func() string { return func() string { return text } }

// CheckEmail accepts a bare e-mail address without a name, as auth does.
func CheckEmail(text string) error {
	if _, ok := validate.Email(text); !ok {
		return errors.New("is not an e-mail address")
	}
	return nil
}

// CheckPassword accepts 8 to 72 bytes, as auth does. For accounts auth also refuses passwords that are easy to guess.
func CheckPassword(text string) error {
	if len(text) < 8 || len(text) > 72 {
		return errors.New("must be 8 to 72 bytes long")
	}
	return nil
}

// CheckKey accepts a JWT_SECRET_KEY that the services accept.
func CheckKey(text string) error {
	if len(text) < MinimumKey {
		return fmt.Errorf("has %d bytes and needs at least %d (openssl rand -base64 48 makes a good one)", len(text), MinimumKey)
	}
	return nil
}

// Complete returns a value for every secret: from the environment, otherwise from stored, otherwise a new one. It adds the new values to
// stored and returns their number. Its error reports all invalid values, one per line.
func Complete(list []Secret, stored, environ map[string]string) (settings map[string]string, generated int, err error) {
	settings = maps.Clone(stored)
	var invalid []error
	for _, s := range list {
		value, err := s.fromEnvironment(environ)
		switch {
		case err != nil:
			// Many parts may share one token: report it once.
			if !slices.ContainsFunc(invalid, func(reported error) bool { return reported.Error() == err.Error() }) {
				invalid = append(invalid, err)
			}
		case value != "":
			settings[s.Name] = value
		case stored[s.Name] == "":
			stored[s.Name] = s.Make()
			settings[s.Name] = stored[s.Name]
			generated++
		}
	}
	return settings, generated, errors.Join(invalid...)
}

func (s Secret) fromEnvironment(environ map[string]string) (string, error) {
	value, err := Given(environ, s.Name)
	if err == nil && value == "" && s.Also != "" {
		value, err = Given(environ, s.Also)
	}
	if err == nil && value != "" && s.Check != nil {
		if err = s.Check(value); err != nil {
			err = fmt.Errorf("%s %w", s.Name, err)
		}
	}
	return value, err
}

// Environ turns NAME=value lines, as os.Environ returns them, into a map. It drops empty values, so that an empty variable
// never becomes a secret.
func Environ(lines []string) map[string]string {
	environ := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		if value != "" {
			environ[name] = value
		}
	}
	return environ
}

// Lines returns settings as sorted NAME=value lines.
func Lines(settings map[string]string) []string {
	lines := make([]string, 0, len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines = append(lines, name+"="+settings[name])
	}
	return lines
}

// Quote quotes text so that a shell reads it literally.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
