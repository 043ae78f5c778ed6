package main

import (
	"errors"
	"maps"
	"net/url"
	"slices"
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
	return append(list, secret.EventKeys()...)
}

// settingOf returns the name of a part's own setting, such as AUTH_DATABASE_PASSWORD.
func settingOf(part, setting string) string { return strings.ToUpper(part) + "_" + setting }

// jwtKeys are the operator's keys, and the files that hold them in each service's folder. They are distributed but not stored, so each
// run needs them again. The second key is empty except during a rotation.
var jwtKeys = map[string]string{"JWT_SECRET_KEY": "jwt-secret-key", "JWT_SECRET_KEY_PREVIOUS": "jwt-secret-key-previous"}

// readKeys returns the operator's keys. It refuses a key that the services would refuse, before any part starts.
func readKeys(environ map[string]string) (map[string]string, error) {
	keys := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(jwtKeys)) {
		key, err := secret.Given(environ, name)
		if err != nil {
			return nil, err
		}
		if key == "" && name == "JWT_SECRET_KEY" {
			return nil, errors.New("JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)")
		}
		if key != "" {
			if err := secret.CheckKey(key); err != nil {
				return nil, errors.New(name + " " + err.Error())
			}
		}
		keys[name] = key
	}
	return keys, nil
}

// databaseURL returns the URL of a service's database at address.
func databaseURL(stored map[string]string, service, address string) string {
	return (&url.URL{
		Scheme: "postgres", User: url.UserPassword(service, stored[settingOf(service, "DATABASE_PASSWORD")]), Host: address, Path: "/" + service,
	}).String()
}
