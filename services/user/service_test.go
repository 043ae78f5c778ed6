package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// harness is user's API on a real Postgres, with a fake sidecar.
type harness struct {
	servicetest.API
	service
	sidecar *servicetest.Sidecar
	others  *otherServices
}

func newHarness(t *testing.T) harness {
	t.Helper()
	pool := servicetest.NewDatabase(t, migrations)
	sidecar := servicetest.NewSidecar(pool)
	others := newOtherServices()
	way, stop := servicetest.NewInvoker(t, others)
	others.Close = stop
	s := service{store{document.NewStore[Profile](sidecar, "profiles", "profile"), pool}, server.Clock, servicetest.Cursors,
		PhoneQuota{PhoneChanges: 5}, way, timeline.Repeats{Pool: pool, Log: slog.New(slog.DiscardHandler), Actor: "user"}, newExports()}
	return harness{servicetest.NewAPI(s.routes(), s.subscriptions()), s, sidecar, others}
}

// customer returns the caller whose account has the id and the role customer.
func customer(id string) servicetest.Person {
	return servicetest.Person{ID: id, Roles: []string{token.Customer}}
}

func profileRequest(number string) event.UserToCreate {
	return event.UserToCreate{UserID: uuid.NewString(), Version: 1, Email: "ana@example.com", Name: "Ana", Phone: number}
}

func (h harness) deliverRequest(t *testing.T, request event.UserToCreate) {
	t.Helper()
	if err := h.createProfile(t.Context(), event.Received[event.UserToCreate]{Data: request}); err != nil {
		t.Fatal(err)
	}
}

func (h harness) deliverCancellation(t *testing.T, id string) {
	t.Helper()
	gone := event.UserCancelled{UserID: id, Version: 2, Reason: "timed_out"}
	if err := h.cancelProfile(t.Context(), event.Received[event.UserCancelled]{Data: gone}); err != nil {
		t.Fatal(err)
	}
}

// outcomes returns the published outcomes of id, such as "created, created" or "rejected phone_taken".
func (h harness) outcomes(t *testing.T, id string) string {
	t.Helper()
	var outcomes []string
	for _, outcome := range servicetest.Events(t, h.sidecar, "profiles", event.CreatingUserResponse) {
		if outcome.UserID == id {
			outcomes = append(outcomes, strings.TrimSpace(outcome.Outcome+" "+outcome.Reason))
		}
	}
	return strings.Join(outcomes, ", ")
}

// ownProfile returns the profile that GET /users/me sends to the account id.
func (h harness) ownProfile(t *testing.T, id string) profileResponse {
	t.Helper()
	return servicetest.Decode[profileResponse](t, h.Request(t, customer(id), "GET", "/users/me", ""), http.StatusOK)
}

func TestRequestCreatesAProfileAndPublishesTheOutcome(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	h.deliverRequest(t, ana) // delivered twice: the same outcome again
	if got := h.outcomes(t, ana.UserID); got != "created, created" {
		t.Fatalf("got outcomes %q, want created twice", got)
	}
	if profile := h.ownProfile(t, ana.UserID); profile.Phone != ana.Phone || profile.Name != "Ana" {
		t.Fatalf("got %+v, want the requested profile", profile)
	}
}

func TestVerifiedPhoneBelongsToOneActiveProfile(t *testing.T) {
	h, eva := newHarness(t), profileRequest("+34600111222")
	ana := h.verifiedProfile(t, eva.Phone)
	h.deliverRequest(t, eva)
	h.deliverRequest(t, eva)
	if got := h.outcomes(t, eva.UserID); got != "rejected phone_taken, rejected phone_taken" {
		t.Fatalf("got outcomes %q, want rejected phone_taken twice", got)
	}
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select doc(value)::text from state where key = $1`,
		"profile-"+eva.UserID).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(kept, "600111222") || strings.Contains(kept, "example.com") || strings.Contains(kept, "Ana") {
		t.Fatalf("the rejected profile contains personal data: %s", kept)
	}
	if got := h.Request(t, customer(eva.UserID), "GET", "/users/me", ""); got.Code != 404 {
		t.Fatalf("GET of the rejected profile: got %d, want 404", got.Code)
	}
	h.deliverErasure(t, ana) // the number is free again
	third := profileRequest("+34600111222")
	h.deliverRequest(t, third)
	if got := h.outcomes(t, third.UserID); got != "created" {
		t.Fatalf("third profile: got outcomes %q, want created", got)
	}
}

func TestProfilesWithoutAPhoneDoNotConflict(t *testing.T) {
	h := newHarness(t)
	for range 3 {
		one := profileRequest("")
		h.deliverRequest(t, one)
		if got := h.outcomes(t, one.UserID); got != "created" {
			t.Fatalf("got outcomes %q, want created", got)
		}
	}
}

// TestConcurrentDeliveriesDecideOnce checks that copies of one request get the same outcome, while others ask for the same number.
func TestConcurrentDeliveriesDecideOnce(t *testing.T) {
	h := newHarness(t)
	const racers = 8
	all := make([]event.UserToCreate, racers)
	errs := make(chan error, 2*racers)
	for i := range all {
		all[i] = profileRequest("+34600111222")
		for range 2 { // each event twice, at the same time
			go func() { errs <- h.createProfile(t.Context(), event.Received[event.UserToCreate]{Data: all[i]}) }()
		}
	}
	for range 2 * racers {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	for _, one := range all {
		if got := h.outcomes(t, one.UserID); got != "created, created" {
			t.Errorf("got outcomes %q, want created twice", got)
		}
	}
}

func TestCancellationWorksBeforeAndAfterTheRequest(t *testing.T) {
	h, before, after := newHarness(t), profileRequest("+34600111222"), profileRequest("+34600111333")
	h.deliverCancellation(t, before.UserID) // overtakes the request
	h.deliverRequest(t, before)
	if got := h.outcomes(t, before.UserID); got != "" {
		t.Errorf("request after its cancellation: got outcomes %q, want none", got)
	}
	h.deliverRequest(t, after)
	h.deliverCancellation(t, after.UserID)
	h.deliverCancellation(t, after.UserID)
	h.deliverRequest(t, after)
	if got := h.outcomes(t, after.UserID); got != "created" {
		t.Errorf("cancellation after the request: got outcomes %q, want created once", got)
	}
	for _, id := range []string{before.UserID, after.UserID} {
		if got := h.Request(t, customer(id), "GET", "/users/me", ""); got.Code != 404 {
			t.Errorf("GET of the cancelled profile: got %d, want 404", got.Code)
		}
	}
}

// Only the owner of an ACTIVE account can change a profile, and auth cancels no ACTIVE account: such a cancellation is forged or a
// bug.
func TestProfileThatItsOwnerHasChangedCannotBeCancelled(t *testing.T) {
	h := newHarness(t)
	request := profileRequest("+34600111222")
	h.deliverRequest(t, request)
	if got := h.Request(t, customer(request.UserID), "PATCH", "/users/me", `{"name":"Ana María"}`); got.Code != 200 {
		t.Fatalf("got %d %s, want 200", got.Code, got.Body)
	}
	gone := event.UserCancelled{UserID: request.UserID, Version: 2, Reason: "timed_out"}
	if got := servicetest.Deliver(t, h.API, event.CreatingUserCancelled, gone); got != "DROP" {
		t.Errorf("the cancellation: got %s, want DROP", got)
	}
	if got := h.Request(t, customer(request.UserID), "GET", "/users/me", ""); got.Code != 200 || got.Text("name") != "Ana María" {
		t.Errorf("the profile: got %d %s, want it as it was", got.Code, got.Body)
	}
}

func TestLostSidecarResponseRepeatsTheOutcome(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.sidecar.LoseNextAnswer()
	h.deliverRequest(t, ana) // the write succeeded although its response was lost; the second attempt publishes the outcome again
	if got := h.outcomes(t, ana.UserID); got != "created, created" {
		t.Fatalf("got outcomes %q, want created twice", got)
	}
}

func TestRequestFailsWithoutASidecarAndSucceedsLater(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.sidecar.Away(true)
	if err := h.createProfile(context.Background(), event.Received[event.UserToCreate]{Data: ana}); err == nil {
		t.Fatal("without a sidecar: got no error, want one so that the event is retried")
	}
	h.sidecar.Away(false)
	h.deliverRequest(t, ana)
	if got := h.outcomes(t, ana.UserID); got != "created" {
		t.Fatalf("got outcomes %q, want created", got)
	}
}
