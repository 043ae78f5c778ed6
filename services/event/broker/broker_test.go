package broker

import (
	"context"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestDeclareCreatesAndGrowsAndLeavesTheRest(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "small"), kfake.SeedTopics(8, "large"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := Connect(strings.Join(cluster.ListenAddrs(), ","))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := Await(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	topics := []Topic{{Name: "new", Partitions: 4}, {Name: "small", Partitions: 4}, {Name: "large", Partitions: 4}}
	for i, want := range []int{1, 0} {
		if created, err := Declare(t.Context(), client, topics); err != nil || created != want {
			t.Fatalf("time %d: created %d, %v", i+1, created, err)
		}
	}
	fresh, err := Connect(strings.Join(cluster.ListenAddrs(), ",")) // the other one remembers, for a moment
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fresh.Close)
	there, err := fresh.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"new": 4, "small": 4, "large": 8} {
		if got := len(there[name].Partitions); got != want {
			t.Errorf("%s has %d partitions, not %d", name, got, want)
		}
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	client, err := Connect("127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if Await(ctx, client) == nil {
		t.Error("a broker that is not there works")
	}
}
