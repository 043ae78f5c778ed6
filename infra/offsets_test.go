package infra_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"comanda/infra"
)

// A kill may leave a part of an entry at the end of the embedded broker's log of offsets. What is committed afterwards survives the next kill.
func TestOffsetsSurviveAnIncompleteEntry(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir)
	o.Kind = infra.Embedded
	k := startKafka(t, o)
	if err := k.Declare(t.Context(), []infra.Topic{{Name: "orders", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	admin := kadm.NewClient(newClient(t, k))
	commit(t, admin, 1)
	restart(t, k, func() {
		log, err := os.OpenFile(filepath.Join(dir, "kafka", "groups.log"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = log.Close() }()
		if _, err := log.Write([]byte{200, 0, 0, 0, 1, 2}); err != nil { // the size of an entry, and the start of its checksum
			t.Fatal(err)
		}
	})
	commit(t, admin, 2)
	restart(t, k, func() {})
	offsets, err := admin.FetchOffsets(t.Context(), "kitchen")
	if err != nil {
		t.Fatal(err)
	}
	if offset, found := offsets.Lookup("orders", 0); !found || offset.At != 2 {
		t.Errorf("got the offset %d (found: %t), want 2, which was committed last", offset.At, found)
	}
}

func commit(t *testing.T, admin *kadm.Client, offset int64) {
	t.Helper()
	var offsets kadm.Offsets
	offsets.AddOffset("orders", 0, offset, -1)
	if err := admin.CommitAllOffsets(t.Context(), "kitchen", offsets); err != nil {
		t.Fatal(err)
	}
}

// restart kills the broker, and starts it after f.
func restart(t *testing.T, k *infra.Kafka, f func()) {
	t.Helper()
	if err := k.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	f()
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}
