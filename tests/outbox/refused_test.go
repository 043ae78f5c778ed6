package outbox_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5"
)

// What can never be published is set aside with its reason, counted and logged, and holds up nothing meanwhile; when the
// cause is mended, one statement publishes it.
func TestRefusedRowsAreSetAside(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 1)
	missing := topic + ".missing"
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "refused", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}, {Name: "nowhere", Topic: missing}, {Name: "invalid", Topic: "no topic!"}},
	})
	events := read(t, calm.kafka, topic)
	conn := connect(t, database)

	mustAnnounce(t, s, "nowhere", "order-missing", 1)
	mustAnnounce(t, s, "invalid", "order-invalid", 1)
	announceTooLarge(t, s)
	if _, err := conn.Exec(t.Context(), `insert into state (key, value) values ('outbox-due||pubsub||' || $1 || '||x', 'no record')`, topic); err != nil {
		t.Fatal(err)
	}

	// The healthy topic goes on at once, the aggregate of the refused event included.
	mustAnnounce(t, s, "orders", "order-large", 1)
	mustAnnounce(t, s, "orders", "order", 1)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() >= 2, "the events after the refused ones" })
	awaitDead(t, conn, 10*time.Second, topic, "larger than")
	awaitDead(t, conn, 10*time.Second, topic+"||x", "no record")

	// A missing topic may be a broker that is starting, and is given half a minute; so is, by a broker that does not
	// tell the two apart, an impossible name.
	awaitDead(t, conn, 60*time.Second, missing, "does not exist")
	awaitDead(t, conn, 60*time.Second, "no topic!", "topic")
	eventually(t, 5*time.Second, func() (bool, string) {
		return s.metric(t, "dapr_outbox_rows_dead", "") == 4 && s.metric(t, "dapr_outbox_set_aside_count", "") == 4 &&
			s.metric(t, "dapr_outbox_rows_waiting", "") == 0, "the metrics that show four rows set aside"
	})
	if !strings.Contains(s.lastLines(20), "event set aside as outbox-dead||pubsub||no topic!") {
		t.Error("the log does not name the row")
	}

	late := read(t, calm.kafka, missing)
	declare(t, calm.kafka, missing, 1)
	release := `update state set key = replace(key, 'outbox-dead||', 'outbox-due||') where key like 'outbox-dead||pubsub||' || $1 || '||%'`
	if _, err := conn.Exec(t.Context(), release, missing); err != nil {
		t.Fatal(err)
	}
	eventually(t, 45*time.Second, func() (bool, string) { return late.count() == 1, "the released event" })
}

// announceTooLarge announces more than the producer's limit of a megabyte.
func announceTooLarge(t *testing.T, s *sidecar) {
	t.Helper()
	large, err := json.Marshal(map[string]any{"number": 1, "text": string(bytes.Repeat([]byte("x"), 1_200_000))})
	if err != nil {
		t.Fatal(err)
	}
	err = s.client.ExecuteStateTransaction(t.Context(), "orders", nil, []*dapr.StateOperation{
		{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "order-large", Value: []byte(`{}`), Metadata: map[string]string{"subject": "order-large"}}},
		{Type: dapr.StateOperationTypeUpsert, Item: projection("order-large", large)},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitDead waits for a row that was set aside, by a part of its key and of its value.
func awaitDead(t *testing.T, conn *pgx.Conn, limit time.Duration, key, value string) {
	t.Helper()
	eventually(t, limit, func() (bool, string) {
		n := queryInt(t, conn, `select count(*) from state where key like 'outbox-dead||pubsub||' || $1 || '%'
			and convert_from(value, 'UTF8') like '%' || $2 || '%'`, key, value)
		return n == 1, "the row of " + key + " set aside because of " + value
	})
}
