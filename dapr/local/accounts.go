package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// api is a client of the system's public API.
type api struct {
	url, token string
}

// accountsTimeout bounds the registration of the demo accounts. Each registration is a saga of two services.
const accountsTimeout = 60 * time.Second

// ensureAccounts registers the demo accounts through the API if they cannot log in yet. The admin gives the kitchen its role.
func ensureAccounts(ctx context.Context, s map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	a := api{url: s["COMANDA_URL"]}
	if _, _, err := a.ensureAccount(ctx, s["CUSTOMER_EMAIL"], s["CUSTOMER_PASSWORD"], "Carla Customer"); err != nil {
		return err
	}
	kitchen, created, err := a.ensureAccount(ctx, s["KITCHEN_EMAIL"], s["KITCHEN_PASSWORD"], "Kim Kitchen")
	if err != nil || !created {
		return err
	}
	// Auth registers the admin by itself, in a saga that may still be running.
	admin, err := a.awaitLogin(ctx, s["ADMIN_EMAIL"], s["ADMIN_PASSWORD"])
	if err != nil {
		return err
	}
	roles := map[string]any{"roles": []string{"customer", "staff"}}
	return admin.call(ctx, http.MethodPut, "/api/v1/auth/accounts/"+kitchen+"/roles", roles, nil)
}

// ensureAccount registers an account that cannot log in yet. If created is true, id is the id of the new account.
func (a api) ensureAccount(ctx context.Context, email, password, name string) (id string, created bool, err error) {
	if _, err := a.login(ctx, email, password); err == nil {
		return "", false, nil
	}
	var registered struct {
		UserID string `json:"userId"`
	}
	body := map[string]any{"email": email, "password": password, "name": name}
	if err := a.call(ctx, http.MethodPost, "/api/v1/auth/register", body, &registered); err != nil {
		return "", false, err
	}
	_, err = a.awaitLogin(ctx, email, password)
	return registered.UserID, true, err
}

// awaitLogin logs in as soon as the registration saga has ended.
func (a api) awaitLogin(ctx context.Context, email, password string) (api, error) {
	for {
		session, err := a.login(ctx, email, password)
		if err == nil {
			return session, nil
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("%s cannot log in: %w", email, err)
		case <-time.After(pollInterval):
		}
	}
}

func (a api) login(ctx context.Context, email, password string) (api, error) {
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	body := map[string]any{"email": email, "password": password}
	err := a.call(ctx, http.MethodPost, "/api/v1/auth/login", body, &session)
	return api{url: a.url, token: session.AccessToken}, err
}

func (a api) call(ctx context.Context, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		var problem struct {
			Title, Detail string
		}
		_ = json.NewDecoder(response.Body).Decode(&problem)
		return fmt.Errorf("%s %s responded %s %s", method, path, response.Status, problem.Detail)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
