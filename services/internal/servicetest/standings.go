package servicetest

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"comanda/services/internal/reconcile"
)

// Standings answers questions of package reconcile as the owner of aggregates would. It implements reconcile.Invoker.
type Standings struct {
	T        testing.TB
	App      string            // the only service that may be asked
	Statuses map[string]string // by id; other ids are unknown
	Away     bool
	Asked    []string // all ids so far
}

// InvokeMethod answers one question.
func (s *Standings) InvokeMethod(_ context.Context, app, method, verb string) ([]byte, error) {
	if s.Away {
		return nil, errors.New("the service is away")
	}
	path, query, _ := strings.Cut(method, "?")
	values, err := url.ParseQuery(query)
	if err != nil || app != s.App || verb != "GET" || !strings.HasPrefix(path, "reconciliation/") || len(values["id"]) > reconcile.MaxIDs {
		s.T.Errorf("got a call %s %s of %s with %d ids, %v", verb, path, app, len(values["id"]), err)
	}
	items := []reconcile.Standing{}
	for _, id := range values["id"] {
		s.Asked = append(s.Asked, id)
		if status, known := s.Statuses[id]; known {
			items = append(items, reconcile.Standing{ID: id, Status: status, Reason: "timed_out"})
		}
	}
	return json.Marshal(map[string]any{"items": items})
}
