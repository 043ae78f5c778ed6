package main

import (
	"errors"
	"net/url"
	"strings"

	"comanda/services"
	"comanda/services/secret"
)

// allSecrets lists every secret of a system in containers. JWT_SECRET_KEY is not among them: the operator provides it, and it is
// not stored with the others.
func allSecrets() []secret.Secret {
	list := []secret.Secret{
		{Name: "ADMIN_EMAIL", Make: secret.Fixed("admin@comanda.example"), Check: secret.CheckEmail},
		{Name: "ADMIN_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
		{Name: "KITCHEN_EMAIL", Make: secret.Fixed("kitchen@comanda.example"), Check: secret.CheckEmail},
		{Name: "KITCHEN_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
		{Name: "GRAFANA_ADMIN_PASSWORD", Make: secret.Password, Check: secret.CheckPassword},
	}
	for _, service := range services.Names {
		for _, token := range []string{"APP_API_TOKEN", "DAPR_API_TOKEN"} {
			list = append(list, secret.Secret{Name: settingOf(service, token), Also: token, Make: secret.Token})
		}
	}
	for _, service := range services.Stateful {
		list = append(list, secret.Secret{Name: settingOf(service, "DATABASE_PASSWORD"), Make: secret.Token, Check: secret.CheckPassword},
			secret.Secret{Name: settingOf(service, "DATABASE_MONITOR_PASSWORD"), Make: secret.Token})
	}
	return list
}

// settingOf returns the name of a part's own setting, such as AUTH_DATABASE_PASSWORD.
func settingOf(part, setting string) string { return strings.ToUpper(part) + "_" + setting }

// jwtKey is the operator's secret. It is distributed and not stored: it comes anew with each run.
const jwtKey = "JWT_SECRET_KEY"

// readKey returns the operator's key. It refuses one that no service would accept, before any part starts.
func readKey(environ map[string]string) (string, error) {
	key, err := secret.Given(environ, jwtKey)
	if err != nil {
		return "", err
	}
	if key == "" {
		return "", errors.New("JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)")
	}
	if err := secret.CheckKey(key); err != nil {
		return "", errors.New("JWT_SECRET_KEY " + err.Error())
	}
	return key, nil
}

// databaseURL returns the URL of a service's database at address.
func databaseURL(stored map[string]string, service, address string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(service, stored[settingOf(service, "DATABASE_PASSWORD")]), Host: address, Path: "/" + service,
	}).String()
}
