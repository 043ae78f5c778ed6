package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	// readyInterval is how often a service that is not ready yet is asked.
	readyInterval = 150 * time.Millisecond
	// patience is how long it is waited before saying what is waited for.
	patience = 20 * time.Second
)

// announceReady names each service as it gets ready. The gateway's word is for
// all of them; with it, the demo accounts are made and the greeting is sent.
func (s *system) announceReady(ctx context.Context) <-chan string {
	welcome := make(chan string, 1)
	started := time.Now()
	for _, a := range s.file.Apps {
		if a.ID == "gateway" {
			continue
		}
		parts := s.partsOf(a.ID)
		go func() {
			if s.untilReady(ctx, a) == nil {
				s.console.say(a.ID, "ready")
				calm(parts)
			}
		}()
	}
	gateway, _ := s.file.app("gateway")
	parts := s.partsOf("gateway")
	go func() {
		if s.untilReady(ctx, gateway) != nil {
			return
		}
		calm(parts)
		s.console.say("gateway", "ready, and so is everything behind it (%.1f s)", time.Since(started).Seconds())
		if err := ensureAccounts(ctx, s.settings); err != nil {
			s.console.say("accounts", "the demo accounts could not be made: %v", err)
		}
		welcome <- s.greeting()
	}()
	return welcome
}

// startPatience is how long whoever wants a part started again is kept waiting.
const startPatience = 90 * time.Second

// announceAgain says when an app that was started again is ready, and lets its
// parts be heard from then on, however long that takes: until ctx is done. It
// returns by then, or when patience is over.
func (s *system) announceAgain(ctx context.Context, a app, parts []*part, patience time.Duration) error {
	ready := make(chan error, 1)
	go func() {
		err := s.untilReady(ctx, a)
		if err == nil {
			s.console.say(a.ID, "ready again")
			calm(parts)
		}
		ready <- err
	}()
	select {
	case err := <-ready:
		if err == nil {
			return nil
		}
	case <-time.After(patience):
	}
	return fmt.Errorf("%s was started again and is not ready yet: see %s", a.ID, s.place.relative(s.place.log(a.ID)))
}

// waitAgain is a wait for an app that was started again. It ends with ctx, and
// when there is nothing left to wait for: the app died, or is started once more.
func (s *system) waitAgain(ctx context.Context, id string) context.Context {
	s.waitNoMore(id)
	ctx, end := context.WithCancel(ctx)
	if s.waits == nil {
		s.waits = map[string]context.CancelFunc{}
	}
	s.waits[id] = end
	return ctx
}

func (s *system) waitNoMore(id string) {
	if end := s.waits[id]; end != nil {
		end()
		delete(s.waits, id)
	}
}

// calm lets the parts be heard from now on, once what they said while they
// were starting has been read.
func calm(parts []*part) {
	time.AfterFunc(5*look, func() {
		for _, p := range parts {
			p.report.calm.Store(true)
		}
	})
}

// untilReady asks until the answer is 200, and says from time to time why not.
func (s *system) untilReady(ctx context.Context, a app) error {
	remind := time.Now().Add(patience)
	for {
		said, err := ask(ctx, a.url("/readyz"))
		if err == nil {
			return nil
		}
		if time.Now().After(remind) {
			s.console.say(a.ID, "not ready yet: %s", shorten(said))
			remind = time.Now().Add(patience)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyInterval):
		}
	}
}

// ask returns what was answered in one line, and an error unless it was 200.
func ask(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "no answer", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("answered %s", answer.Status)
	}
	return strings.Join(strings.Fields(string(body)), " "), err
}
