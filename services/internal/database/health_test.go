package database_test

import (
	"sync"
	"testing"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
)

// A service whose connections are all busy is healthy: its checks must not wait for a free one.
func TestHealthDoesNotWaitBehindWork(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	health, err := database.NewHealth(pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(health.Close)
	for range pool.Config().MaxConns {
		busy, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer busy.Release()
	}
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if err := health.Check(t.Context()); err != nil {
				t.Errorf("got %v while all connections of the pool are busy, want none", err)
			}
		})
	}
	all.Wait()
}

func TestHealthReportsADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	pool, err := database.Open("postgres://user:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	health, err := database.NewHealth(pool)
	if err != nil {
		t.Fatal(err)
	}
	defer health.Close()
	if err := health.Check(t.Context()); err == nil {
		t.Error("got no error without a database, want one")
	}
}
