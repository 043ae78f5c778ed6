package client

import (
	"context"
	"sync"
	"time"
)

// login renews the access token of a client that has logged in, because tests may run longer than a token lives.
type login struct {
	email, password string

	mu      sync.Mutex
	session Session
	at      time.Time
}

// renewBefore is the time before the end of an access token at which a client logs in again.
const renewBefore = time.Minute

// accessToken returns an access token that is valid for renewBefore at least. If the new login fails, it returns the old token: during
// an outage the request may still succeed with it.
func (l *login) accessToken(ctx context.Context, anonymous *Client) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= time.Duration(l.session.ExpiresIn)*time.Second-renewBefore {
		if again, err := anonymous.Login(ctx, l.email, l.password); err == nil {
			l.session, l.at = again.Session, time.Now()
		}
	}
	return l.session.AccessToken
}
