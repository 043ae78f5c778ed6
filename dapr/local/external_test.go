package main

import (
	"context"
	"strings"
	"testing"

	"comanda/infra"
	"comanda/services"
)

func TestTheUsersOwnPostgresAndKafka(t *testing.T) {
	p := newPlace(t)
	theirs := infra.Options{Dir: t.TempDir(), Kind: infra.Embedded, Log: t.Output()}
	postgres, err := infra.StartPostgres(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = postgres.Stop(context.Background()) })
	kafka, err := infra.StartKafka(t.Context(), theirs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Stop(context.Background()) })
	t.Setenv("COMANDA_BACKING", "external")
	t.Setenv("KAFKA_BROKERS", kafka.Brokers())
	for _, service := range services.Stateful {
		// Theirs may be named as they like.
		t.Setenv(strings.ToUpper(service)+"_DATABASE_URL", postgres.URL("our_"+service))
		if err := postgres.CreateDatabase(t.Context(), "our_"+service); err != nil {
			t.Fatal(err)
		}
	}

	seen, stop := startSystem(t, p)
	seen.await(t, "Comanda is ready")
	stop()
	if err := kafka.Declare(t.Context(), []infra.Topic{{Name: "still.there", Partitions: 1}}); err != nil {
		t.Errorf("their Kafka was ended with ours: %v", err)
	}
	if err := postgres.CreateDatabase(t.Context(), "still_there"); err != nil {
		t.Errorf("their Postgres was ended with ours: %v", err)
	}
}
