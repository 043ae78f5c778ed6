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

// A row that can never be published is set aside with its reason, counted and logged. It blocks no other row. After the cause
// is fixed, one statement releases it.
func TestRefusedRowsAreSetAside(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 1)
	missing := topic + ".missing"
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "refused", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}, {Name: "nowhere", Topic: missing}, {Name: "invalid", Topic: "no topic!"}},
	})
	events := readTopic(t, shared.kafka, topic)
	conn := connect(t, database)

	mustCommitEvent(t, s, "nowhere", "order-missing", 1)
	mustCommitEvent(t, s, "invalid", "order-invalid", 1)
	commitTooLargeEvent(t, s)
	const invalidRow = `insert into state (key, value) values ('outbox-due||pubsub||' || $1 || '||x', 'no record')`
	if _, err := conn.Exec(t.Context(), invalidRow, topic); err != nil {
		t.Fatal(err)
	}

	// The healthy topic is published without delay, even for the aggregate of the refused event.
	mustCommitEvent(t, s, "orders", "order-large", 1)
	mustCommitEvent(t, s, "orders", "order", 1)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() >= 2, "the events after the refused ones" })
	awaitSetAside(t, conn, 10*time.Second, topic, "larger than")
	awaitSetAside(t, conn, 10*time.Second, topic+"||x", "no record")

	// A broker that is starting may report a missing topic, so the relay waits half a minute. It does the same for an
	// invalid name on a broker that reports the two alike.
	awaitSetAside(t, conn, 60*time.Second, missing, "does not exist")
	awaitSetAside(t, conn, 60*time.Second, "no topic!", "topic")
	eventually(t, 5*time.Second, func() (bool, string) {
		return s.metric(t, "dapr_outbox_rows_dead", "") == 4 && s.metric(t, "dapr_outbox_set_aside_count", "") == 4 &&
			s.metric(t, "dapr_outbox_rows_waiting", "") == 0, "metrics with 4 rows set aside and 0 waiting"
	})
	if logged := "event set aside as outbox-dead||pubsub||no topic!"; !strings.Contains(s.lastLines(20), logged) {
		t.Errorf("log: got no line that names the row, want one with %q", logged)
	}

	released := readTopic(t, shared.kafka, missing)
	declare(t, shared.kafka, missing, 1)
	const release = `update state set key = replace(key, 'outbox-dead||', 'outbox-due||')
		where key like 'outbox-dead||pubsub||' || $1 || '||%'`
	if _, err := conn.Exec(t.Context(), release, missing); err != nil {
		t.Fatal(err)
	}
	eventually(t, 45*time.Second, func() (bool, string) { return released.count() == 1, "the released event" })
}

// commitTooLargeEvent commits an event above the producer's limit of 1 MB.
func commitTooLargeEvent(t *testing.T, s *sidecar) {
	t.Helper()
	large, err := json.Marshal(map[string]any{"number": 1, "text": string(bytes.Repeat([]byte("x"), 1_200_000))})
	if err != nil {
		t.Fatal(err)
	}
	err = s.client.ExecuteStateTransaction(t.Context(), "orders", nil, []*dapr.StateOperation{
		upsert("order-large", `{}`, map[string]string{"subject": "order-large"}),
		upsert("order-large", string(large), projectionMetadata()),
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitSetAside waits until exactly one row is set aside, its key begins with this topic (or topic and id), and its value contains this
// text.
func awaitSetAside(t *testing.T, conn *pgx.Conn, limit time.Duration, key, value string) {
	t.Helper()
	eventually(t, limit, func() (bool, string) {
		n := queryInt(t, conn, `select count(*) from state where key like 'outbox-dead||pubsub||' || $1 || '%'
			and convert_from(value, 'UTF8') like '%' || $2 || '%'`, key, value)
		return n == 1, "one row of " + key + " set aside with " + value
	})
}
