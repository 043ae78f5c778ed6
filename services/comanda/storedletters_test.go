package main

import (
	"bytes"
	"strings"
	"testing"

	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// A dead letter in Kafka that its service has stored is no problem. `comanda topics` deletes it from Kafka, and no other one.
func TestStoredDeadLettersAreDeleted(t *testing.T) {
	t.Parallel()
	brokers := startCluster(t)
	environ := []string{"KAFKA_BROKERS=" + brokers}
	runTopics := func(want string) {
		t.Helper()
		var out bytes.Buffer
		if code := run([]string{"topics"}, environ, &out, &out); code != 0 || !strings.Contains(out.String(), want) ||
			want == "" && strings.Contains(out.String(), "deleted") {
			t.Errorf("got exit code %d and %q, want 0 and %q", code, out.String(), want)
		}
	}
	unstoredNow := func() string {
		t.Helper()
		var out bytes.Buffer
		found, err := unstored(t.Context(), call{environ: map[string]string{"KAFKA_BROKERS": brokers}, stdout: &out, stderr: &out})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, p := range found {
			all = append(all, p.Detail[:strings.Index(p.Detail, " and not")])
		}
		return strings.Join(all, ", ")
	}
	runTopics("")
	produce(t, brokers, event.DeadLetters("product"), 3)
	produce(t, brokers, event.DeadLetters("gateway"), 1)
	runTopics("")
	if got, want := unstoredNow(), "gateway: 1 are on gateway.dead-letters, product: 3 are on product.dead-letters"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	client := connect(t, brokers)
	ends, err := kafka.EndOffsets(t.Context(), client, event.DeadLetters("product"))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.CommitAllOffsets(t.Context(), "product", ends.Offsets()); err != nil {
		t.Fatal(err)
	}
	produce(t, brokers, event.DeadLetters("product"), 2)
	if got, want := unstoredNow(), "gateway: 1 are on gateway.dead-letters, product: 2 are on product.dead-letters"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	runTopics("3 dead letters deleted")
	runTopics("")
	if got, want := unstoredNow(), "gateway: 1 are on gateway.dead-letters, product: 2 are on product.dead-letters"; got != want {
		t.Errorf("after the deletion: got %q, want %q", got, want)
	}
}
