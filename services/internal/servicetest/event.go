package servicetest

import (
	"encoding"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/signature"
	"comanda/services/secret"
)

// EventSettings are the settings of the events' signatures in tests: the public keys, and a signing key for each service. EventKeys are
// the same public keys.
var (
	EventSettings = newEventSettings()
	EventKeys     = read[signature.PublicKeys](EventSettings[secret.EventPublicKeys])
)

func newEventSettings() map[string]string {
	settings, err := secret.NewEventSettings()
	if err != nil {
		panic(err)
	}
	return settings
}

// read reads a key from its setting.
func read[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](setting string) (key T) {
	if err := P(&key).UnmarshalText([]byte(setting)); err != nil {
		panic(err)
	}
	return key
}

// SignEvent returns the signature of an event by the service that publishes topic.
func SignEvent(t testing.TB, topic, kind, subject string, data []byte) string {
	t.Helper()
	return signAs(t, event.PublisherOf(topic, ""), kind, subject, data)
}

func signAs(t testing.TB, service, kind, subject string, data []byte) string {
	t.Helper()
	key := read[signature.PrivateKey](EventSettings[secret.EventKey(service).Name])
	signed, err := key.Sign(kind, subject, data)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Deliver delivers an event of topic as the sidecar does and returns the status that the sidecar gets: SUCCESS, RETRY or DROP.
// data is a T, or its JSON as json.RawMessage.
func Deliver[T any](t testing.TB, a API, topic event.Topic[T], data any) string {
	t.Helper()
	return DeliverFrom(t, a, event.PublisherOf(topic.Name, ""), topic, data)
}

// DeliverFrom is Deliver for a topic to which several services publish. source is the service that published the event.
func DeliverFrom[T any](t testing.TB, a API, source string, topic event.Topic[T], data any) string {
	t.Helper()
	text, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := json.Marshal(struct {
		event.Received[json.RawMessage]
		Signature string `json:"signature"`
	}{
		event.Received[json.RawMessage]{ID: uuid.NewString(), Type: topic.Type(), Source: source, Time: time.Now(), Data: text},
		signAs(t, event.PublisherOf(topic.Name, source), topic.Type(), "", text),
	})
	if err != nil {
		t.Fatal(err)
	}
	response := a.Request(t, Person{}, http.MethodPost, "/events/"+topic.Name, string(envelope))
	if response.Code != http.StatusOK {
		t.Fatalf("deliver %s: got %d %s, want 200 with a status", topic.Type(), response.Code, response.Body)
	}
	return response.Text("status")
}
