package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// api is a client of the system's public API.
type api struct {
	url, token string
}

// accountsTimeout bounds the registration of the demo accounts. Each registration is a saga of two services.
const accountsTimeout = 60 * time.Second

// adminPatience is how long the admin's login may be refused. Auth registers the admin by itself, and may just be doing that.
const adminPatience = 10 * time.Second

// accounts are the accounts of the greeting, as prefixes of their settings. The admin comes first, because it gives the kitchen its role.
var accounts = []string{"ADMIN", "CUSTOMER", "KITCHEN"}

// ensureAccounts registers the customer and the kitchen through the API if they cannot log in yet. It returns the accounts whose passwords
// are refused: the password is wrong, or the e-mail belongs to an account with another password, or auth has refused too many attempts.
func ensureAccounts(ctx context.Context, s map[string]string) (refused []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	a := api{url: s["COMANDA_URL"]}
	admin := a
	for _, who := range accounts {
		email, password := s[who+"_EMAIL"], s[who+"_PASSWORD"]
		switch who {
		case "ADMIN":
			admin, err = a.awaitLogin(ctx, email, password, adminPatience)
		case "CUSTOMER":
			_, err = a.ensureAccount(ctx, email, password, "Carla Customer")
		case "KITCHEN":
			err = a.ensureKitchen(ctx, admin, email, password)
		}
		if answered(err, http.StatusUnauthorized, http.StatusConflict, http.StatusTooManyRequests) {
			refused = append(refused, who)
		} else if err != nil {
			return refused, fmt.Errorf("%s: %w", email, err)
		}
	}
	return refused, nil
}

// ensureKitchen registers the kitchen if it cannot log in yet, and admin then gives it the role staff. If the admin is not logged
// in, ensureKitchen only checks the kitchen's password: a kitchen registered now would never get the role.
func (a api) ensureKitchen(ctx context.Context, admin api, email, password string) error {
	if admin.token == "" {
		_, err := a.login(ctx, email, password)
		return err
	}
	registered, err := a.ensureAccount(ctx, email, password, "Kim Kitchen")
	if err != nil || registered == "" {
		return err
	}
	roles := map[string]any{"roles": []string{"customer", "staff"}}
	return admin.call(ctx, http.MethodPut, "/api/v1/auth/accounts/"+registered+"/roles", roles, nil)
}

// ensureAccount logs in. If that fails, it registers the account and waits until it can log in. id is empty if the account existed.
func (a api) ensureAccount(ctx context.Context, email, password, name string) (id string, err error) {
	if _, err := a.login(ctx, email, password); err == nil {
		return "", nil
	}
	var registered struct {
		UserID string `json:"userId"`
	}
	body := map[string]any{"email": email, "password": password, "name": name}
	if err := a.call(ctx, http.MethodPost, "/api/v1/auth/register", body, &registered); err != nil {
		return "", err
	}
	_, err = a.awaitLogin(ctx, email, password, 0)
	return registered.UserID, err
}

// awaitLogin repeats the login until it succeeds, so that a registration saga can end. It gives up when ctx ends, when auth refuses further
// attempts, and when the password is still refused after patience. The pauses grow, because auth counts wrong passwords.
func (a api) awaitLogin(ctx context.Context, email, password string, patience time.Duration) (api, error) {
	for begun, pause := time.Now(), pollInterval; ; pause = min(2*pause, time.Second) {
		session, err := a.login(ctx, email, password)
		if err == nil || answered(err, http.StatusTooManyRequests) ||
			answered(err, http.StatusUnauthorized) && time.Since(begun) >= patience {
			return session, err
		}
		select {
		case <-ctx.Done():
			return a, fmt.Errorf("cannot log in: %w", err)
		case <-time.After(pause):
		}
	}
}

// refusal is a response with an error status.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// answered reports whether err is a response with one of the statuses.
func answered(err error, statuses ...int) bool {
	var r *refusal
	return errors.As(err, &r) && slices.Contains(statuses, r.status)
}

func (a api) login(ctx context.Context, email, password string) (api, error) {
	var session struct {
		AccessToken string `json:"accessToken"`
	}
	body := map[string]any{"email": email, "password": password}
	err := a.call(ctx, http.MethodPost, "/api/v1/auth/login", body, &session)
	return api{url: a.url, token: session.AccessToken}, err // without a token if there is an error
}

// call sends a request and decodes the response into `into`, unless that is nil. Its error for an error status is a *refusal.
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
		var problem struct{ Detail string }
		_ = json.NewDecoder(response.Body).Decode(&problem)
		return &refusal{response.StatusCode, fmt.Sprintf("%s %s responded %s %s", method, path, response.Status, problem.Detail)}
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(response.Body).Decode(into)
}
