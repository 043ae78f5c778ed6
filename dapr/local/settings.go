package main

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"comanda/infra"
	"comanda/services"
	"comanda/services/secret"
)

// made are the settings that are made once and kept in secrets.env. The environment wins, for one run.
var made = []secret.Secret{
	{Name: "JWT_SECRET_KEY", Make: secret.Key, Check: secret.CheckKey},
	{Name: "APP_API_TOKEN", Make: secret.Token},
	{Name: "DAPR_API_TOKEN", Make: secret.Token},
	{Name: "ADMIN_EMAIL", Make: secret.Fixed("admin@comanda.example"), Check: secret.CheckEmail},
	{Name: "ADMIN_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
	{Name: "CUSTOMER_EMAIL", Make: secret.Fixed("customer@comanda.example"), Check: secret.CheckEmail},
	{Name: "CUSTOMER_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
	{Name: "KITCHEN_EMAIL", Make: secret.Fixed("kitchen@comanda.example"), Check: secret.CheckEmail},
	{Name: "KITCHEN_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
}

// loadSettings returns the settings of this run: given by the environment, kept from an earlier run, or new and kept now. url
// is kept with them, for `make demo`.
func loadSettings(path, url string, environ map[string]string) (map[string]string, error) {
	kept, err := secret.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		kept, err = map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	settings, _, err := secret.Complete(made, kept, environ)
	if err != nil {
		return nil, err
	}
	settings["COMANDA_URL"], kept["COMANDA_URL"] = url, url
	text := "# Made by `make run` and kept. Remove a line to have a new value made.\n" + strings.Join(secret.Lines(kept), "\n") + "\n"
	return settings, secret.Write(path, []byte(text), 0o600)
}

// wrongSettings lists what is set but cannot work, one line each. It shows no values: they may be secrets.
func wrongSettings(environ map[string]string) []string {
	var lines []string
	if _, _, err := secret.Complete(made, map[string]string{}, environ); err != nil {
		lines = strings.Split(err.Error(), "\n")
	}
	lines = append(lines, wrongTelemetry(environ)...)
	kind, err := infra.KindFromEnvironment(func(name string) string { return environ[name] })
	if err != nil {
		return append(lines, err.Error())
	}
	if kind != infra.External && environ[depsVariable] != "" {
		return lines // a shell that has loaded .comanda/env: the addresses in it are those of `make deps`, and not used here
	}
	addresses := []string{"KAFKA_BROKERS"}
	for _, service := range services.Stateful {
		addresses = append(addresses, strings.ToUpper(service)+"_DATABASE_URL")
	}
	for _, name := range addresses {
		switch set := environ[name] != ""; {
		case kind == infra.External && !set:
			lines = append(lines, name+" is not set, and COMANDA_BACKING=external needs it")
		case kind != infra.External && set:
			lines = append(lines, name+" is set, but only COMANDA_BACKING=external uses it: unset it, or set both")
		}
	}
	return slices.Compact(lines)
}

// wrongTelemetry checks where metrics are shown and spans are sent.
func wrongTelemetry(environ map[string]string) []string {
	var lines []string
	if text := environ["METRICS_PORT"]; text != "" {
		if port, err := strconv.Atoi(text); err != nil || port < 1 || port > 65535 {
			lines = append(lines, "METRICS_PORT has to be a port, 1 to 65535")
		}
	}
	if endpoint := environ["OTEL_EXPORTER_ZIPKIN_ENDPOINT"]; endpoint != "" {
		address, err := url.Parse(endpoint)
		if err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Host == "" || address.User != nil {
			lines = append(lines, "OTEL_EXPORTER_ZIPKIN_ENDPOINT has to be an address such as http://localhost:9411/api/v2/spans")
		}
	}
	return lines
}

// gatewayMetrics is where the gateway shows its metrics; the other services show theirs on their own ports.
func gatewayMetrics() int {
	if port, err := strconv.Atoi(os.Getenv("METRICS_PORT")); err == nil {
		return port
	}
	return 8081
}
