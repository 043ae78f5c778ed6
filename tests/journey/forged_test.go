package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/tests/asyncapi"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// An intruder in one service, with all of its credentials, cannot announce events of another service.
func TestNoServiceCanForgeEventsOfAnother(t *testing.T) {
	t.Parallel()
	testForgedEvents(t, system.Start(t, system.Options{}))
}

// On unmodified daprd an invocation can look like an event, because a caller can remove the headers that tell it apart. The
// signature holds.
func TestNoServiceCanForgeEventsOfAnotherOnStockDaprd(t *testing.T) {
	t.Parallel()
	testForgedEvents(t, system.Start(t, system.Options{Stock: true}))
}

func testForgedEvents(t *testing.T, sys *system.System) {
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	changed := forgedEvent{topic: "order.status.changed", subject: order.ID, data: map[string]any{"orderId": order.ID, "version": 3,
		"customerId": ana.ID, "status": "CANCELLED", "at": "2026-01-02T03:04:05Z"}}
	cancelled := forgedEvent{topic: "creating.user.cancelled", subject: ana.ID,
		data: map[string]any{"userId": ana.ID, "version": 9, "reason": "none"}}
	for _, forged := range []forgedEvent{changed, cancelled} {
		forged.signed = scenario.Try(sys.SignEvent("product", forged.topic+".v1", forged.subject, forged.data)).OrFail(t)
		forged.wantNotInvocable(t, sys)
		forged.wantNotPublishable(t, sys)
		forged.wantRefusedByReceiver(t, sys)
	}
	s.WantStock(dish, 9, 1, 0)
	if now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); now.Status != client.Confirmed {
		t.Errorf("the order after the forged events: got %s, want CONFIRMED", now.Status)
	}
	if profile := scenario.Try(ana.Me(t.Context())).OrFail(t); profile.Name != ana.Person.Name {
		t.Errorf("the profile after the forged events: got %+v, want that of %s", profile, ana.Person.Name)
	}
}

// forgedEvent is an event that product has signed, although product may not announce it.
type forgedEvent struct {
	topic, subject string
	data           map[string]any
	signed         string
}

// receiver is the service whose state the event would change.
func (f forgedEvent) receiver() string {
	return map[string]string{"order.status.changed": "product", "creating.user.cancelled": "user"}[f.topic]
}

func (f forgedEvent) text(t *testing.T) string {
	t.Helper()
	return string(scenario.Try(json.Marshal(map[string]any{"specversion": "1.0", "id": uuid.NewString(), "source": "order",
		"type": f.topic + ".v1", "subject": f.subject, "datacontenttype": "application/json", "data": f.data, "signature": f.signed,
	})).OrFail(t))
}

// wantNotInvocable checks that the receiver refuses the event when another service's sidecar sends it as an invocation, even if the
// headers that identify an invocation are removed or hidden.
func (f forgedEvent) wantNotInvocable(t *testing.T, sys *system.System) {
	t.Helper()
	const callers = "dapr-caller-app-id, dapr-caller-namespace, dapr-callee-app-id"
	url := sys.Pair("auth").SidecarURL + "/v1.0/invoke/" + f.receiver() + "/method/events/" + f.topic
	for name, forged := range map[string]http.Header{
		"as it is":                    {},
		"with the headers removed":    {"Connection": {callers}},
		"removed one by one":          {"Connection": {"dapr-caller-app-id", "Dapr-Caller-Namespace", "DAPR-CALLEE-APP-ID"}},
		"with empty headers in front": {"Dapr-Caller-App-Id": {""}, "Dapr-Caller-Namespace": {""}, "Dapr-Callee-App-Id": {""}},
	} {
		header := http.Header{"Dapr-Api-Token": {sys.APIToken}, "Content-Type": {"application/cloudevents+json"}}
		maps.Copy(header, forged)
		for range 3 { // the order of the headers is random
			status, body := fetch(t, http.MethodPost, url, header, f.text(t))
			dropped := status == http.StatusOK && strings.Contains(body, "DROP")
			if status != http.StatusForbidden && !dropped {
				t.Errorf("%s, invoked %s: got %d %s, want 403, or 200 DROP", f.topic, name, status, body)
			}
		}
	}
}

// wantNotPublishable checks that no sidecar publishes the event, not even its publisher's.
func (f forgedEvent) wantNotPublishable(t *testing.T, sys *system.System) {
	t.Helper()
	header := http.Header{"Dapr-Api-Token": {sys.APIToken}, "Content-Type": {"application/cloudevents+json"}}
	for _, service := range []string{event.PublisherOf(f.topic, ""), "auth", "product"} {
		pair := sys.Pair(service)
		for _, api := range []string{"/v1.0/publish/", "/v1.0/publish/bulk/", "/v1.0-alpha1/publish/bulk/"} {
			status, body := fetch(t, http.MethodPost, pair.SidecarURL+api+"pubsub/"+f.topic, header, f.text(t))
			if status < 400 {
				t.Errorf("%s: POST %s: got %d, want it refused: %s", service, api, status, body)
			}
		}
		sidecar := scenario.Try(dapr.NewClientWithAddressContext(t.Context(), pair.SidecarGRPC)).OrFail(t)
		sidecar.WithAuthToken(sys.APIToken)
		err := sidecar.PublishEvent(t.Context(), "pubsub", f.topic, f.text(t))
		if err == nil || !strings.Contains(err.Error(), "Unimplemented") {
			t.Errorf("%s: PublishEvent: got %v, want Unimplemented", service, err)
		}
		sidecar.Close()
	}
}

// wantRefusedByReceiver puts the event on the broker, past all sidecars, with product's signature and without any. Its receiver refuses
// both.
func (f forgedEvent) wantRefusedByReceiver(t *testing.T, sys *system.System) {
	t.Helper()
	kafka := scenario.Try(kgo.NewClient(invariants(sys).Kafka...)).OrFail(t)
	defer kafka.Close()
	series := fmt.Sprintf(`comanda_event_handling_duration_seconds_count{outcome="forged",topic=%q}`, f.topic)
	forged := func(ctx context.Context) float64 {
		return scenario.Try(system.MetricsAt(ctx, sys.Pair(f.receiver()).MetricsURL)).OrFail(t)[series]
	}
	before := forged(t.Context())
	unsigned := f
	unsigned.signed = ""
	for _, record := range []forgedEvent{f, unsigned} {
		if err := kafka.ProduceSync(t.Context(), &kgo.Record{Topic: f.topic, Value: []byte(record.text(t)),
			Headers: []kgo.RecordHeader{{Key: asyncapi.ViolationHeader}}}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	scenario.Eventually(t, "the receiver refuses both events", func(ctx context.Context) error {
		if got := forged(ctx) - before; got < 2 {
			return fmt.Errorf("%s of %s: got %v more, want 2", series, f.receiver(), got)
		}
		return nil
	})
}
