package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"comanda/services/secret"
)

// maxAnswer is the maximum size of a response in bytes.
const maxAnswer = 8 << 20

// apiClient sends requests to the public API as an admin.
type apiClient struct{ url, accessToken, refreshToken string }

// apiHTTP follows no redirect: the API has none, and one would send the password to another address.
var apiHTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// logIn logs in as the administrator whom the settings name.
func logIn(ctx context.Context, environ map[string]string) (*apiClient, error) {
	password, err := secret.Given(environ, "ADMIN_PASSWORD")
	if err != nil {
		return nil, err
	}
	if environ["ADMIN_EMAIL"] == "" || password == "" {
		return nil, errors.New("ADMIN_EMAIL and ADMIN_PASSWORD are not set: set them to those of an administrator; beside `make run`, `. .comanda/env` does")
	}
	api := &apiClient{url: strings.TrimRight(cmp.Or(environ["COMANDA_URL"], "http://127.0.0.1:8080"), "/")}
	var session struct{ AccessToken, RefreshToken string }
	login := map[string]string{"email": environ["ADMIN_EMAIL"], "password": password}
	if err := api.send(ctx, http.MethodPost, "/auth/login", login, &session); err != nil {
		return nil, fmt.Errorf("log in: %w", err)
	}
	api.accessToken, api.refreshToken = session.AccessToken, session.RefreshToken
	return api, nil
}

// logOut ends the session. A failure does no harm: the session ends by itself.
func (a *apiClient) logOut(ctx context.Context) {
	_ = a.send(ctx, http.MethodPost, "/auth/logout", map[string]string{"refreshToken": a.refreshToken}, nil)
}

// send sends a request and decodes the response into result, unless that is nil. A problem becomes an error with its detail.
func (a *apiClient) send(ctx context.Context, method, path string, body, result any) error {
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+"/api/v1"+path, content)
	if err != nil {
		return errors.New("COMANDA_URL must be the address of the gateway, such as http://127.0.0.1:8080")
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if a.accessToken != "" {
		request.Header.Set("Authorization", "Bearer "+a.accessToken)
	}
	response, err := apiHTTP.Do(request)
	if err != nil {
		return fmt.Errorf("%w: start the gateway, or correct COMANDA_URL", err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		var problem struct{ Title, Detail string }
		_ = json.Unmarshal(raw, &problem) // a proxy may have answered, not in JSON
		return fmt.Errorf("%s: %s", response.Status, cmp.Or(problem.Detail, problem.Title, "no reason given"))
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(raw, result)
}
