package stateful

import (
	"testing"

	"comanda/services/internal/database"
)

// Anyone may ask whether a service is ready, so the answer does not tell where its database is.
func TestNotReadyTellsNothingOfTheInside(t *testing.T) {
	pool, err := database.Open("postgres://somebody:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	parts := Parts{Pool: pool}
	if err := parts.ready(t.Context()); err == nil || err.Error() != "the database does not answer" {
		t.Errorf("ready says %v", err)
	}
}
