package servicetest

import (
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
)

// Standings is a service that answers questions for standings (recovery.AskStandings), as the owner of aggregates.
type Standings struct {
	Invoker   rest.Invoker
	Statuses  map[string]string // by id; other ids are unknown
	Away      bool
	AwayAfter int      // the service is away when it was asked for so many ids; 0: never
	Asked     []string // all ids so far
}

// NewStandings returns the service app, the only one that may be asked.
func NewStandings(t testing.TB, app string) *Standings {
	s := &Standings{Statuses: map[string]string{}}
	s.Invoker, _ = NewInvoker(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Away || s.AwayAfter > 0 && len(s.Asked) >= s.AwayAfter {
			http.Error(w, "the service is away", http.StatusInternalServerError)
			return
		}
		ids := r.URL.Query()["id"]
		path := "/v1.0/invoke/" + app + "/method/reconciliation/"
		if !strings.HasPrefix(r.URL.Path, path) || r.Method != http.MethodGet || len(ids) > recovery.MaxStandings {
			t.Errorf("got a call %s %s with %d ids", r.Method, r.URL.Path, len(ids))
		}
		items := []recovery.Standing{}
		for _, id := range ids {
			s.Asked = append(s.Asked, id)
			if status, known := s.Statuses[id]; known {
				items = append(items, recovery.Standing{ID: id, Status: status, Reason: "timed_out"})
			}
		}
		if err := rest.JSON(w, http.StatusOK, map[string]any{"items": items}); err != nil {
			t.Error(err)
		}
	}))
	return s
}
