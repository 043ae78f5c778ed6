package main

import (
	"context"
	"strings"
	"testing"

	"comanda/infra"
	"comanda/services"
)

func TestSystemRunsOnExternalServersAndLeavesThemRunning(t *testing.T) {
	p := newPaths(t)
	external := infra.Options{Dir: t.TempDir(), Kind: infra.Embedded, Log: t.Output()}
	postgres, err := infra.StartPostgres(t.Context(), external)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = postgres.Stop(context.Background()) })
	kafka, err := infra.StartKafka(t.Context(), external)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = kafka.Stop(context.Background()) })
	t.Setenv("COMANDA_BACKING", "external")
	t.Setenv("KAFKA_BROKERS", kafka.Brokers())
	for _, service := range services.Stateful {
		// An external database may have any name.
		t.Setenv(strings.ToUpper(service)+"_DATABASE_URL", postgres.URL("our_"+service))
		if err := postgres.CreateDatabase(t.Context(), "our_"+service); err != nil {
			t.Fatal(err)
		}
	}

	output, stop := startSystem(t, p)
	output.await(t, "Comanda is ready")
	stop()
	if err := kafka.Declare(t.Context(), []infra.Topic{{Name: "still.there", Partitions: 1}}); err != nil {
		t.Errorf("the external Kafka does not run after the system has stopped: %v", err)
	}
	if err := postgres.CreateDatabase(t.Context(), "still_there"); err != nil {
		t.Errorf("the external Postgres does not run after the system has stopped: %v", err)
	}
}
