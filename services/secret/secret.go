package secret

import (
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/mail"
	"os"
	"slices"
	"strings"
)

// MinimumKey is the least length of JWT_SECRET_KEY in bytes; the services refuse a shorter one.
const MinimumKey = 32

// Secret is one setting that is made at random when it is not given.
type Secret struct {
	Name  string             // under which it is kept, and can be given
	Also  string             // a second name under which it can be given; may be empty
	Make  func() string      // makes a value
	Check func(string) error // checks a given value; may be nil
}

// Key returns a value for JWT_SECRET_KEY.
func Key() string { return rand.Text() + rand.Text() }

// Token returns a value that only programs need: 130 bits.
func Token() string { return rand.Text() }

// Password returns a value that a person can copy: 16 letters and digits, 80 bits.
func Password() string { return strings.ToLower(rand.Text()[:16]) }

// Fixed returns a Make that always gives text.
func Fixed(text string) func() string { return func() string { return text } }

// CheckEmail wants a bare address without a name, as auth does.
func CheckEmail(text string) error {
	if parsed, err := mail.ParseAddress(text); err != nil || parsed.Address != text {
		return errors.New("is not an e-mail address")
	}
	return nil
}

// CheckPassword wants 8 to 72 bytes, as auth does.
func CheckPassword(text string) error {
	if len(text) < 8 || len(text) > 72 {
		return errors.New("has to be 8 to 72 bytes long")
	}
	return nil
}

// CheckKey wants a JWT_SECRET_KEY that the services accept.
func CheckKey(text string) error {
	if len(text) < MinimumKey {
		return fmt.Errorf("has %d bytes, and needs at least %d (openssl rand -base64 48 makes a good one)", len(text), MinimumKey)
	}
	return nil
}

// Given returns the value that the environment has for a setting, by its NAME or by NAME_FILE; empty without one. Errors
// never show the value.
func Given(environ map[string]string, name string) (string, error) {
	value, path := environ[name], environ[name+"_FILE"]
	if value == "" && path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("%s_FILE: %w", name, err)
		}
		value = strings.TrimRight(string(text), "\r\n")
	}
	if strings.ContainsAny(value, "\r\n\x00") {
		return "", fmt.Errorf("%s has to be one line", name)
	}
	return value, nil
}

// Complete returns a value for every secret: the given one, else the kept one, else a new one. It adds the new ones to kept,
// and says how many there are. It reports every bad value at once, one per line.
func Complete(list []Secret, kept, environ map[string]string) (settings map[string]string, made int, err error) {
	settings = maps.Clone(kept)
	var bad []error
	for _, each := range list {
		value, err := each.given(environ)
		switch {
		case err != nil:
			if !slices.ContainsFunc(bad, func(said error) bool { return said.Error() == err.Error() }) { // a token that many parts share
				bad = append(bad, err)
			}
		case value != "":
			settings[each.Name] = value
		case kept[each.Name] == "":
			kept[each.Name] = each.Make()
			settings[each.Name] = kept[each.Name]
			made++
		}
	}
	return settings, made, errors.Join(bad...)
}

func (s Secret) given(environ map[string]string) (string, error) {
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

// Environ turns NAME=value lines, as os.Environ returns them, into a map. An empty value counts as not set, so that an empty
// variable is never taken for a secret.
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

// Quote returns text as a shell reads it literally.
func Quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
