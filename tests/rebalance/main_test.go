package rebalance_test

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

// shared holds what all tests use: one broker, and the path of our daprd.
var shared struct {
	kafka *infra.Kafka
	kind  infra.Kind
	daprd string
}

// waitLimit limits each wait of eventually. Without the mechanisms under test the waits take 30 s or more.
const waitLimit = 20 * time.Second

// nameCount makes the names of the apps unique.
var nameCount atomic.Int64

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	stop, err := prepare(ctx)
	defer stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "the rebalance tests cannot start:", err)
		return 1
	}
	return m.Run()
}

// prepare builds our daprd and starts the shared broker. stop ends what has started, also after an error.
func prepare(ctx context.Context) (stop func(), err error) {
	dir, err := os.MkdirTemp("", "comanda-rebalance-")
	if err != nil {
		return func() {}, err
	}
	stop = func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if shared.kafka != nil {
			_ = shared.kafka.Stop(ctx)
		}
		_ = os.RemoveAll(dir)
	}
	if shared.daprd, err = build.Daprd(ctx, os.Stderr); err != nil {
		return stop, err
	}
	if shared.kind, err = infra.KindFromEnvironment(os.Getenv); err != nil {
		return stop, err
	}
	shared.kafka, err = infra.StartKafka(ctx, infra.Options{Dir: filepath.Join(dir, "servers"), Kind: shared.kind})
	return stop, err
}

// eventually waits until a condition is met, for waitLimit at most. what is for the failure message.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	within(t, waitLimit, what, met)
}

// within is eventually with another limit.
func within(t *testing.T, limit time.Duration, what string, met func() bool) {
	t.Helper()
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for !met() {
		select {
		case <-deadline.C:
			t.Fatalf("waited %s without success for: %s", limit, what)
		case <-poll.C:
		}
	}
}
