package kafka

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
)

func TestDeclareTopicsCreatesTopicsAndAddsPartitions(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "small"), kfake.SeedTopics(8, "large"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	client, err := Connect(Settings{Brokers: strings.Join(cluster.ListenAddrs(), ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := AwaitReady(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	topics := []Topic{{Name: "new", Partitions: 4}, {Name: "small", Partitions: 4}, {Name: "large", Partitions: 4}}
	for i, want := range []int{1, 0} {
		if created, err := DeclareTopics(t.Context(), client, topics); err != nil || created != want {
			t.Fatalf("call %d: created %d topics, want %d (error: %v)", i+1, created, want, err)
		}
	}
	fresh, err := Connect(Settings{Brokers: strings.Join(cluster.ListenAddrs(), ",")}) // the first client caches its metadata
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fresh.Close)
	topicDetails, err := fresh.ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"new": 4, "small": 4, "large": 8} {
		if got := len(topicDetails[name].Partitions); got != want {
			t.Errorf("topic %s: got %d partitions, want %d", name, got, want)
		}
	}
}

func TestAwaitReadyEndsWithItsContext(t *testing.T) {
	t.Parallel()
	client, err := Connect(Settings{Brokers: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if AwaitReady(ctx, client) == nil {
		t.Error("got no error for a broker that does not exist")
	}
}

func TestConnectChecksTheBrokers(t *testing.T) {
	t.Parallel()
	got, err := brokerAddresses(" kafka-1:9092 ,[::1]:9092, ")
	if err != nil || !slices.Equal(got, []string{"kafka-1:9092", "[::1]:9092"}) {
		t.Errorf("got %q, %v, want two addresses", got, err)
	}
	for _, brokers := range []string{"", " , ", "kafka", "kafka:", ":9092", "kafka:port", "kafka:9092;other:9092", "tcp://kafka:9092"} {
		if _, err := Connect(Settings{Brokers: brokers}); err == nil || !strings.HasPrefix(err.Error(), "KAFKA_BROKERS must be") {
			t.Errorf("%q: got %v, want an error that names KAFKA_BROKERS", brokers, err)
		}
	}
}
