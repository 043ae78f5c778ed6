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

// healthTimeout is shorter than what a container's health check is given, so that the reason is told.
const healthTimeout = 4 * time.Second

// healthcheck is for containers without a shell. Its complaint is what `docker inspect` shows of a failed check.
func healthcheck(ctx context.Context, c call) error {
	if len(c.args) != 1 {
		return errors.New("say what to ask: healthcheck http://127.0.0.1:5010/readyz, or tcp://127.0.0.1:19092")
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
		return askHealth(ctx, target.String())
	}
	return fmt.Errorf("%s is neither http:// nor https:// nor tcp://", c.args[0])
}

// askHealth takes the answer of the one that was asked: somebody it sends us to is not whose health is in question.
func askHealth(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode < 300 {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return fmt.Errorf("%s answers %s %s", address, answer.Status, strings.TrimSpace(string(body)))
}
