package main

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"comanda/infra/build"
)

// settings are the system's address and the accounts of the kitchen and, optionally, of the admin.
type settings struct {
	URL, KitchenEmail, KitchenPassword, AdminEmail, AdminPassword string
}

// errNothingRuns says that no system is running.
var errNothingRuns = errors.New("no Comanda is running there: start one with `make run`, or set COMANDA_URL to the gateway of a running one, such as http://127.0.0.1:8080")

// loadSettings reads each setting from the environment or, if it is not set there, from the file that `make run` writes.
func loadSettings(getenv func(string) string) (settings, error) {
	kept := settingsOfMakeRun()
	get := func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return kept[name]
	}
	s := settings{get("COMANDA_URL"), get("KITCHEN_EMAIL"), get("KITCHEN_PASSWORD"), get("ADMIN_EMAIL"), get("ADMIN_PASSWORD")}
	switch {
	case s.URL == "":
		return s, errNothingRuns
	case s.KitchenEmail == "" || s.KitchenPassword == "":
		return s, errors.New("set KITCHEN_EMAIL and KITCHEN_PASSWORD: an account with the role staff")
	}
	return s, nil
}

// settingsOfMakeRun reads the NAME=value lines that `make run` wrote. It returns an empty map when the file does not exist.
func settingsOfMakeRun() map[string]string {
	kept := map[string]string{}
	state, err := build.State()
	if err != nil {
		return kept
	}
	file, err := os.Open(filepath.Join(state, "secrets.env"))
	if err != nil {
		return kept
	}
	defer func() { _ = file.Close() }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		name, value, found := strings.Cut(lines.Text(), "=")
		if found && !strings.HasPrefix(name, "#") {
			kept[name] = strings.Trim(value, `"'`)
		}
	}
	return kept
}
