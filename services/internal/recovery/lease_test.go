package recovery_test

import (
	"context"
	"os"
	"testing"
	"testing/fstest"
	"time"

	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

var noMigrations = fstest.MapFS{"migrations/00001_nothing.sql": {Data: []byte("-- +goose Up\nselect 1;\n")}}

func TestOneReplicaAtATimeHasTheLease(t *testing.T) {
	pool := servicetest.NewDatabase(t, noMigrations)
	nothing := func(context.Context) error { return nil }
	var second, other bool
	first, err := recovery.RunExclusively(t.Context(), pool, "work", func(ctx context.Context) (err error) {
		if second, err = recovery.RunExclusively(ctx, pool, "work", nothing); err != nil {
			return err
		}
		other, err = recovery.RunExclusively(ctx, pool, "other work", nothing)
		return err
	})
	if !first || err != nil || second || !other {
		t.Errorf("got first %t, %v, second %t, other work %t, want only one replica at the same work", first, err, second, other)
	}
	if again, err := recovery.RunExclusively(t.Context(), pool, "work", nothing); !again || err != nil {
		t.Errorf("after the first run: got %t, %v, want the lease to be free", again, err)
	}
}

// A replica whose process is frozen during its work keeps the lease for 15 s at most, and holds no connection. Its own deadline comes
// first. When it thaws, it does not give back the lease of the replica that took over.
func TestFrozenReplicaLosesItsLease(t *testing.T) {
	pool := servicetest.NewDatabase(t, noMigrations)
	frozen, thaw, ended := make(chan time.Time, 1), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = recovery.RunExclusively(t.Context(), pool, "work", func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			frozen <- deadline
			<-thaw
			return nil
		})
	}()
	deadline := <-frozen
	if stat := pool.Stat(); stat.AcquiredConns() != 0 {
		t.Errorf("got %d connections in use by the frozen replica, want 0", stat.AcquiredConns())
	}
	var until time.Time
	if err := pool.QueryRow(t.Context(), `select until from leases`).Scan(&until); err != nil ||
		time.Until(until) > 15*time.Second || !deadline.Before(until) {
		t.Fatalf("got a lease until %s and a deadline at %s, %v, want at most 15 s and the deadline first", until, deadline, err)
	}
	if _, err := pool.Exec(t.Context(), `update leases set until = until - interval '15 seconds'`); err != nil {
		t.Fatal(err)
	}
	var third bool
	second, err := recovery.RunExclusively(t.Context(), pool, "work", func(ctx context.Context) (err error) {
		close(thaw)
		<-ended
		third, err = recovery.RunExclusively(ctx, pool, "work", func(context.Context) error { return nil })
		return err
	})
	if !second || third || err != nil {
		t.Errorf("after 15 s: got second %t, third %t, %v, want only the second", second, third, err)
	}
}
