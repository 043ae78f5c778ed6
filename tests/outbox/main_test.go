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

// shared holds the servers that the tests share. A test that stops a server starts its own.
var shared struct {
	postgres *infra.Postgres
	kafka    *infra.Kafka
	kind     infra.Kind
	ours     string // the path of our daprd
	stock    string // the path of unmodified daprd
}

// nameCount makes the names of databases, topics and apps unique.
var nameCount atomic.Int64

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	if err := os.Setenv("DAPR_API_TOKEN", apiToken); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	stop, err := prepare(ctx)
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the outbox tests cannot start:", err)
		return 1
	}
	return m.Run()
}

// prepare builds both programs of daprd and starts the shared servers. stop ends what has started, also after an error.
func prepare(ctx context.Context) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "comanda-outbox-")
	if err != nil {
		return func() {}, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if shared.kafka != nil {
			_ = shared.kafka.Stop(ctx)
		}
		if shared.postgres != nil {
			_ = shared.postgres.Stop(ctx)
		}
		_ = os.RemoveAll(dir)
	}
	// Postgres may run as another user and has to reach its folder in dir.
	if err := os.Chmod(dir, 0o755); err != nil {
		return stop, err
	}
	if shared.ours, err = build.Daprd(ctx, os.Stderr); err != nil {
		return stop, err
	}
	if shared.stock, err = build.StockDaprd(ctx, os.Stderr); err != nil {
		return stop, err
	}
	if shared.kind, err = infra.KindFromEnvironment(os.Getenv); err != nil {
		return stop, err
	}
	options := infra.Options{Dir: filepath.Join(dir, "shared"), Kind: shared.kind}
	if shared.postgres, err = infra.StartPostgres(ctx, options); err != nil {
		return stop, err
	}
	shared.kafka, err = infra.StartKafka(ctx, options)
	return stop, err
}

// newDatabase creates an empty database on a server and returns its URL.
func newDatabase(t testing.TB, server *infra.Postgres) string {
	t.Helper()
	name := fmt.Sprintf("outbox_%d_%d", os.Getpid(), nameCount.Add(1))
	// Postgres copies files for a new database. On a busy machine that may take longer than a statement's time-out.
	eventually(t, time.Minute, func() (bool, string) {
		err := server.CreateDatabase(t.Context(), name)
		return err == nil, fmt.Sprint(err)
	})
	return server.URL(name)
}

// newTopic declares a new topic on a broker and returns its name.
func newTopic(t testing.TB, broker *infra.Kafka, partitions int) string {
	t.Helper()
	name := fmt.Sprintf("outbox.test.%d.%d", os.Getpid(), nameCount.Add(1))
	declare(t, broker, name, partitions)
	return name
}

func declare(t testing.TB, broker *infra.Kafka, topic string, partitions int) {
	t.Helper()
	if err := broker.Declare(t.Context(), []infra.Topic{{Name: topic, Partitions: partitions}}); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition is met. missing is for the failure message.
func eventually(t testing.TB, limit time.Duration, condition func() (met bool, missing string)) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		met, missing := condition()
		if met {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("waited %s without success for: %s", limit, missing)
		case <-t.Context().Done():
			t.Fatalf("the test was stopped while it waited for: %s", missing)
		case <-poll.C:
		}
	}
}

// newServerDir returns the path of a folder for a server, which creates it. Its parent is new, and a server that runs as another user can
// enter it.
func newServerDir(t testing.TB) string {
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
