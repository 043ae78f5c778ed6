package polyglot

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/comanda/kafka"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// repeatEvents publishes every event of these topics a second time.
func repeatEvents(t *testing.T, sys *system.System, topics ...string) {
	t.Helper()
	broker := scenario.Try(kgo.NewClient(kgo.SeedBrokers(strings.Split(sys.Kafka.Brokers(), ",")...), kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))).OrFail(t)
	defer broker.Close()
	left := count(t, broker, topics...)
	for left > 0 {
		fetches := broker.PollRecords(t.Context(), int(left))
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for _, record := range fetches.Records() {
			again := &kgo.Record{Topic: record.Topic, Key: record.Key, Headers: record.Headers, Value: record.Value}
			if err := broker.ProduceSync(t.Context(), again).FirstErr(); err != nil {
				t.Fatal(err)
			}
			left--
		}
	}
}

// count returns the number of records of these topics.
func count(t *testing.T, client *kgo.Client, topics ...string) (n int64) {
	t.Helper()
	ends := scenario.Try(kafka.EndOffsets(t.Context(), kadm.NewClient(client), topics...)).OrFail(t)
	ends.Each(func(end kadm.ListedOffset) { n += end.Offset })
	return n
}

// awaitConsumed waits until a consumer has acknowledged every event that is on the broker.
func awaitConsumed(t *testing.T, sys *system.System, app string) {
	t.Helper()
	broker := scenario.Try(kgo.NewClient(kgo.SeedBrokers(strings.Split(sys.Kafka.Brokers(), ",")...))).OrFail(t)
	defer broker.Close()
	scenario.Eventually(t, app+" has acknowledged every event", func(ctx context.Context) error {
		lags, err := kadm.NewClient(broker).Lag(ctx, app)
		if err != nil {
			return err
		}
		group := lags[app]
		if err := group.Error(); err != nil {
			return err
		}
		if lag := group.Lag.Total(); lag > 0 || len(group.Lag) == 0 {
			return fmt.Errorf("%d events of %d topics are left", lag, len(group.Lag))
		}
		return nil
	})
}

func wantNoDeadLetters(t *testing.T, sys *system.System, topic string) {
	t.Helper()
	broker := scenario.Try(kgo.NewClient(kgo.SeedBrokers(strings.Split(sys.Kafka.Brokers(), ",")...))).OrFail(t)
	defer broker.Close()
	if n := count(t, broker, topic); n > 0 {
		t.Errorf("%s: got %d dead letters, want none", topic, n)
	}
}

// wantEventsRefused checks that the consumer refuses events from any program but its sidecar, and events that another service sends
// through the sidecar.
func (c *consumer) wantEventsRefused(t *testing.T) {
	t.Helper()
	const value = `{"type":"order.status.changed.v1","subject":"x",` +
		`"data":{"orderId":"x","version":2,"status":"CONFIRMED","at":"2026-01-31"}}`
	for name, header := range map[string]http.Header{
		"without a token":                      {},
		"with another token":                   {"Dapr-Api-Token": {"another"}},
		"from another service, with the token": {"Dapr-Api-Token": {c.settings["APP_API_TOKEN"]}, "Dapr-Caller-App-Id": {"order"}},
	} {
		request := scenario.Try(http.NewRequestWithContext(context.Background(), http.MethodPost, c.url+"/order.status.changed",
			strings.NewReader(value))).OrFail(t)
		request.Header = header
		response := scenario.Try(http.DefaultClient.Do(request)).OrFail(t)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: an event %s: got %d, want 403", c.folder, name, response.StatusCode)
		}
	}
}
