package main

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"comanda/infra"
)

// minimumSecret is how long JWT_SECRET_KEY must be, in bytes.
const minimumSecret = 32

// settings are what the services and sidecars get by their environment, and
// what a person (or make demo) needs to try the system. The environment wins;
// what is not set there was made once and is kept in secrets.env. What the
// environment says is for this run alone and is kept nowhere.
type settings map[string]string

// made says how each setting comes to be when nobody set it.
var made = []struct {
	name  string
	value func() string
}{
	{"JWT_SECRET_KEY", func() string { return rand.Text() + rand.Text() }},
	{"APP_API_TOKEN", rand.Text},
	{"DAPR_API_TOKEN", rand.Text},
	{"ADMIN_EMAIL", fixed("admin@comanda.example")},
	{"ADMIN_PASSWORD", password},
	{"CUSTOMER_EMAIL", fixed("customer@comanda.example")},
	{"CUSTOMER_PASSWORD", password},
	{"KITCHEN_EMAIL", fixed("kitchen@comanda.example")},
	{"KITCHEN_PASSWORD", password},
}

func fixed(text string) func() string { return func() string { return text } }

// password is one that a person can copy: 16 letters and digits, 80 bits.
func password() string { return strings.ToLower(rand.Text()[:16]) }

// loadSettings reads what was kept, makes what is missing and keeps that for
// the next run and for make demo; then it lets the environment win.
func loadSettings(path, address string, getenv func(string) string) (settings, error) {
	kept, err := readSettings(path)
	if err != nil {
		return nil, err
	}
	for _, each := range made {
		if kept[each.name] == "" {
			kept[each.name] = each.value()
		}
	}
	kept["COMANDA_URL"] = address
	if err := kept.keep(path); err != nil {
		return nil, err
	}
	for _, each := range made {
		if set := getenv(each.name); set != "" {
			kept[each.name] = set
		}
	}
	return kept, nil
}

func readSettings(path string) (settings, error) {
	s := settings{}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		name, value, found := strings.Cut(strings.TrimSpace(lines.Text()), "=")
		if found && !strings.HasPrefix(name, "#") {
			s[name] = value
		}
	}
	return s, lines.Err()
}

// keep writes the file anew, readable by its owner alone.
func (s settings) keep(path string) error {
	var text strings.Builder
	text.WriteString("# Made by `make run`, and kept. Remove a line to have it made anew.\n")
	for _, each := range made {
		fmt.Fprintf(&text, "%s=%s\n", each.name, s[each.name])
	}
	fmt.Fprintf(&text, "COMANDA_URL=%s\n", s["COMANDA_URL"])
	fresh := path + ".new"
	if err := os.WriteFile(fresh, []byte(text.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// environment is what `dapr run` and all below it get.
func (s settings) environment(more ...string) []string {
	environ := os.Environ()
	for name, value := range s {
		environ = append(environ, name+"="+value)
	}
	return append(environ, more...)
}

// wrongSettings lists what is set but cannot work, one line each, and no value:
// it may be a secret.
func wrongSettings(getenv func(string) string) []string {
	var lines []string
	if key := getenv("JWT_SECRET_KEY"); key != "" && len(key) < minimumSecret {
		lines = append(lines, fmt.Sprintf("JWT_SECRET_KEY has %d bytes, and needs at least %d: set a longer one, or none to have one made", len(key), minimumSecret))
	}
	for _, name := range []string{"ADMIN_EMAIL", "CUSTOMER_EMAIL", "KITCHEN_EMAIL"} {
		if address := getenv(name); address != "" {
			if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address { // bare, as auth wants it
				lines = append(lines, name+" is not an e-mail address")
			}
		}
	}
	for _, name := range []string{"ADMIN_PASSWORD", "CUSTOMER_PASSWORD", "KITCHEN_PASSWORD"} {
		if set := getenv(name); set != "" && (len(set) < 8 || len(set) > 72) {
			lines = append(lines, name+" has to be 8 to 72 bytes long")
		}
	}
	lines = append(lines, wrongTelemetry(getenv)...)
	kind, err := infra.KindFromEnvironment(getenv)
	if err != nil {
		return append(lines, err.Error())
	}
	names := []string{"KAFKA_BROKERS", "AUTH_DATABASE_URL", "USER_DATABASE_URL", "ORDER_DATABASE_URL", "PRODUCT_DATABASE_URL"}
	for _, name := range names {
		switch set := getenv(name) != ""; {
		case kind == infra.External && !set:
			lines = append(lines, name+" is not set, and COMANDA_BACKING=external needs it")
		case kind != infra.External && set:
			lines = append(lines, name+" is set, but only COMANDA_BACKING=external uses it: unset it, or set both")
		}
	}
	return slices.Compact(lines)
}

// wrongTelemetry does the same for where metrics are shown and spans are sent.
func wrongTelemetry(getenv func(string) string) []string {
	var lines []string
	if port, err := strconv.Atoi(getenv("METRICS_PORT")); getenv("METRICS_PORT") != "" && (err != nil || port < 1 || port > 65535) {
		lines = append(lines, "METRICS_PORT has to be a port, 1 to 65535")
	}
	if endpoint := getenv("OTEL_EXPORTER_ZIPKIN_ENDPOINT"); endpoint != "" {
		address, err := url.Parse(endpoint)
		if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" || address.User != nil {
			lines = append(lines, "OTEL_EXPORTER_ZIPKIN_ENDPOINT has to be an address such as http://localhost:9411/api/v2/spans")
		}
	}
	return lines
}
