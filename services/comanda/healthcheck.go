package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// healthTimeout is shorter than the timeout of a container's health check, so that this command can print the reason.
const healthTimeout = 4 * time.Second

// runHealthcheck checks a URL, for containers without a shell. `docker inspect` shows its error message.
func runHealthcheck(ctx context.Context, c call) error {
	if len(c.args) != 1 {
		return errors.New("give one URL: healthcheck http://127.0.0.1:5010/readyz, or tcp://127.0.0.1:19092")
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	target, err := url.Parse(c.args[0])
	if err != nil {
		return err
	}
	switch target.Scheme {
	case "tcp":
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", target.Host)
		if err != nil {
			return err
		}
		return conn.Close()
	case "http", "https":
		return getHealth(ctx, target.String())
	}
	return fmt.Errorf("%s has no known scheme: use http://, https:// or tcp://", c.args[0])
}

// getHealth returns an error unless the status is below 300. It does not follow redirects, because the target of a redirect may
// be another server.
func getHealth(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode < 300 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(response.Body, 300))
	return fmt.Errorf("%s responds %s %s", address, response.Status, strings.TrimSpace(string(body)))
}
