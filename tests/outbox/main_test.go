package outbox_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"comanda/infra"
	"comanda/infra/build"
)

// calm is what the tests share that break neither the database nor the broker.
var calm struct {
	postgres *infra.Postgres
	kafka    *infra.Kafka
	kind     infra.Kind
	ours     string // path of our daprd
	stock    string
}

var databases atomic.Int64

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	stop, err := prepare(ctx)
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the outbox tests cannot start:", err)
		return 1
	}
	return m.Run()
}

func prepare(ctx context.Context) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "comanda-outbox-")
	if err != nil {
		return func() {}, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if calm.kafka != nil {
			_ = calm.kafka.Stop(ctx)
		}
		if calm.postgres != nil {
			_ = calm.postgres.Stop(ctx)
		}
		_ = os.RemoveAll(dir)
	}
	// Postgres may run as another user, and has to get through.
	if err := os.Chmod(dir, 0o755); err != nil {
		return stop, err
	}
	if calm.ours, err = build.Daprd(ctx, os.Stderr); err != nil {
		return stop, err
	}
	if calm.stock, err = build.StockDaprd(ctx, os.Stderr); err != nil {
		return stop, err
	}
	if calm.kind, err = infra.KindFromEnvironment(os.Getenv); err != nil {
		return stop, err
	}
	options := infra.Options{Dir: filepath.Join(dir, "calm"), Kind: calm.kind}
	if calm.postgres, err = infra.StartPostgres(ctx, options); err != nil {
		return stop, err
	}
	calm.kafka, err = infra.StartKafka(ctx, options)
	return stop, err
}

// newDatabase makes an empty database on a server and returns its URL.
func newDatabase(t testing.TB, server *infra.Postgres) string {
	t.Helper()
	name := fmt.Sprintf("outbox_%d_%d", os.Getpid(), databases.Add(1))
	// A new database is a copy of files, for which a busy machine may need longer than a statement has.
	eventually(t, time.Minute, func() (bool, string) {
		err := server.CreateDatabase(t.Context(), name)
		return err == nil, fmt.Sprint(err)
	})
	return server.URL(name)
}

// newTopic declares a topic of its own for a test, on a broker.
func newTopic(t testing.TB, broker *infra.Kafka, partitions int) string {
	t.Helper()
	name := fmt.Sprintf("outbox.test.%d.%d", os.Getpid(), databases.Add(1))
	declare(t, broker, name, partitions)
	return name
}

func declare(t testing.TB, broker *infra.Kafka, topic string, partitions int) {
	t.Helper()
	if err := broker.Declare(t.Context(), []infra.Topic{{Name: topic, Partitions: partitions}}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition; wait tells what is still missing.
func eventually(t testing.TB, limit time.Duration, condition func() (met bool, missing string)) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		met, missing := condition()
		if met {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("not within %s: %s", limit, missing)
		case <-t.Context().Done():
			t.Fatal("the test was stopped")
		case <-look.C:
		}
	}
}

// openDir is a folder of the test's own that a server running as another user can get through to.
func openDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "comanda-outbox-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "servers")
}
