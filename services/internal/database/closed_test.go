package database_test

import (
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

// Each statement on a connection that has ended is unavailable, and not an error of ours: also one that is not sent at all.
func TestClosedConnectionIsUnavailable(t *testing.T) {
	conn, err := servicetest.EmptyDatabase(t).Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for i := range 3 {
		_, err := conn.Exec(t.Context(), `select pg_terminate_backend(pg_backend_pid())`)
		if !fault.Is(err, fault.KindUnavailable) {
			t.Errorf("statement %d: got %v, want Unavailable", i+1, err)
		}
	}
}
