package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"strings"
)

// minimumKey is how long JWT_SECRET_KEY must be, in bytes: the services refuse less.
const minimumKey = 32

// The services, each with a sidecar, and those that have a database of their own.
var (
	services  = []string{"gateway", "auth", "user", "order", "product"}
	databases = services[1:]
)

// secret is one value that nobody needs to think of: what nobody gives is made at random.
type secret struct {
	name  string // under which it is kept, and can be given
	also  string // under which it can be given to all parts at once; may be empty
	make  func() string
	check func(string) error // of what was given; may be nil
}

// all lists every secret there is. JWT_SECRET_KEY is not among them: it is given, and never kept.
func all() []secret {
	list := []secret{
		{name: "ADMIN_EMAIL", make: fixed("admin@comanda.example"), check: isAddress},
		{name: "ADMIN_PASSWORD", make: password, check: isPassword},
		{name: "KITCHEN_EMAIL", make: fixed("kitchen@comanda.example"), check: isAddress},
		{name: "KITCHEN_PASSWORD", make: password, check: isPassword},
		{name: "GRAFANA_ADMIN_PASSWORD", make: password, check: isPassword},
	}
	for _, service := range services {
		for _, token := range []string{"APP_API_TOKEN", "DAPR_API_TOKEN"} {
			list = append(list, secret{name: of(service, token), also: token, make: rand.Text})
		}
	}
	for _, database := range databases {
		list = append(list, secret{name: of(database, "DATABASE_PASSWORD"), make: rand.Text, check: isPassword},
			secret{name: of(database, "DATABASE_MONITOR_PASSWORD"), make: rand.Text})
	}
	return list
}

// of is the name of a part's own setting: AUTH_DATABASE_PASSWORD.
func of(part, setting string) string { return strings.ToUpper(part) + "_" + setting }

func fixed(text string) func() string { return func() string { return text } }

// password is one that a person can copy: 16 letters and digits, 80 bits.
func password() string { return strings.ToLower(rand.Text()[:16]) }

// isAddress asks for what auth asks for: the bare address, without a name.
func isAddress(text string) error {
	if parsed, err := mail.ParseAddress(text); err != nil || parsed.Address != text {
		return errors.New("is not an e-mail address")
	}
	return nil
}

func isPassword(text string) error {
	if len(text) < 8 || len(text) > 72 {
		return errors.New("has to be 8 to 72 bytes long")
	}
	return nil
}

// given returns what the environment says of a setting, itself or by NAME_FILE; empty when it says nothing. No error shows
// the value.
func given(environ map[string]string, name string) (string, error) {
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

// checkKey refuses a key that no service would start with, before anything is started. The services read it from their
// environment alone: a JWT_SECRET_KEY_FILE would satisfy nobody but us.
func checkKey(environ map[string]string) error {
	switch key := environ["JWT_SECRET_KEY"]; {
	case key == "":
		return errors.New("JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)")
	case len(key) < minimumKey:
		return fmt.Errorf("JWT_SECRET_KEY has %d bytes, and needs at least %d (openssl rand -base64 48 makes a good one)", len(key), minimumKey)
	}
	return nil
}

// complete gives every secret its value: the one given, or the one kept, or a new one. What is given is kept too, so that a
// database does not lose its password with somebody's shell. It says how many were made.
func complete(kept, environ map[string]string) (made int, err error) {
	for _, each := range all() {
		value, err := given(environ, each.name)
		if err == nil && value == "" && each.also != "" {
			value, err = given(environ, each.also)
		}
		if err == nil && value != "" && each.check != nil {
			if err = each.check(value); err != nil {
				err = fmt.Errorf("%s %w", each.name, err)
			}
		}
		if err != nil {
			return made, err
		}
		if value == "" && kept[each.name] == "" {
			value = each.make()
			made++
		}
		if value != "" {
			kept[each.name] = value
		}
	}
	return made, nil
}

// databaseURL is how a service's database is reached.
func databaseURL(kept map[string]string, service, address string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(service, kept[of(service, "DATABASE_PASSWORD")]), Host: address, Path: "/" + service,
	}).String()
}
