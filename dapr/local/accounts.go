package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// api is the system as a client sees it.
type api struct {
	url, token string
}

// accountTime bounds making the demo accounts: three registrations, each one a
// saga of two services.
const accountTime = 60 * time.Second

// ensureAccounts makes the demo accounts through the API if they cannot log in yet; the admin gives the kitchen its role.
func ensureAccounts(ctx context.Context, s map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, accountTime)
	defer cancel()
	a := api{url: s["COMANDA_URL"]}
	if _, _, err := a.account(ctx, s["CUSTOMER_EMAIL"], s["CUSTOMER_PASSWORD"], "Carla Customer"); err != nil {
		return err
	}
	kitchen, created, err := a.account(ctx, s["KITCHEN_EMAIL"], s["KITCHEN_PASSWORD"], "Kim Kitchen")
	if err != nil || !created {
		return err
	}
	// Auth makes the admin itself, by a saga that may still be on its way.
	admin, err := a.untilLogin(ctx, s["ADMIN_EMAIL"], s["ADMIN_PASSWORD"])
	if err != nil {
		return err
	}
	roles := map[string]any{"roles": []string{"customer", "staff"}}
	return admin.call(ctx, http.MethodPut, "/api/v1/auth/accounts/"+kitchen+"/roles", roles, nil)
}

// account logs in or, if that fails, registers; created says that it did, and
// then id is the new one's.
func (a api) account(ctx context.Context, email, password, name string) (id string, created bool, err error) {
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
	_, err = a.untilLogin(ctx, email, password)
	return registered.UserID, true, err
}

// untilLogin waits for the registration saga.
func (a api) untilLogin(ctx context.Context, email, password string) (api, error) {
	for {
		in, err := a.login(ctx, email, password)
		if err == nil {
			return in, nil
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
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode >= 300 {
		var problem struct {
			Title, Detail string
		}
		_ = json.NewDecoder(answer.Body).Decode(&problem)
		return fmt.Errorf("%s %s answered %s %s", method, path, answer.Status, problem.Detail)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
