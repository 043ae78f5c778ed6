package chaos

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"comanda/tests/client"
)

// anyID finds the ids of orders and accounts in the messages of broken promises.
var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// maxStories limits the timelines in a report.
const maxStories = 20

// stories returns the timeline of every order and registration that a broken promise names, from the API.
func (l *load) stories(t *testing.T, broken error) string {
	var text strings.Builder
	told := map[string]bool{l.dish.ID: true, l.stock.dish.ID: true} // these have no timeline
	for _, id := range anyID.FindAllString(broken.Error(), -1) {
		if told[id] {
			continue
		}
		if told[id] = true; len(told) > maxStories {
			text.WriteString("the timelines of more orders are not shown\n")
			break
		}
		timeline, err := l.timeline(context.WithoutCancel(t.Context()), id)
		if err != nil {
			fmt.Fprintf(&text, "the timeline of %s cannot be read: %v\n", id, err)
			continue
		}
		text.WriteString(timeline.String() + "\n")
	}
	return text.String()
}

// timeline reads the timeline of an order as staff, or of a registration as an admin: each may read only these.
func (l *load) timeline(ctx context.Context, id string) (client.Timeline, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	l.mu.Lock()
	_, isAccount := l.accounts[id]
	l.mu.Unlock()
	if isAccount {
		return l.scenario.Admin.RegistrationTimeline(ctx, id)
	}
	return l.cook.Timeline(ctx, id)
}

// checkTimelines checks that an operator can read what happened to an order and to a registration of this run.
func (l *load) checkTimelines(ctx context.Context) error {
	l.mu.Lock()
	var ids []string
	for id, order := range l.accepted {
		if !l.lost("order", order.at) {
			ids = append(ids, id)
			break
		}
	}
	for id, at := range l.accounts {
		if !l.lost("auth", at) {
			ids = append(ids, id)
			break
		}
	}
	l.mu.Unlock()
	var errs []error
	for _, id := range ids {
		timeline, err := l.timeline(ctx, id)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("the timeline of %s: %w", id, err))
		case len(timeline.Steps) < 2, len(timeline.Missing) > 0:
			errs = append(errs, fmt.Errorf("the timeline of %s lacks steps, or the parts of %v: %s", id, timeline.Missing, timeline))
		}
	}
	return errors.Join(errs...)
}
