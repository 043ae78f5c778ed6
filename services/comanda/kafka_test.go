package main

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"comanda/services/event"
	"comanda/services/event/broker"
)

func cluster(t *testing.T, options ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append(options, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return strings.Join(c.ListenAddrs(), ",")
}

func admin(t *testing.T, brokers string) *kadm.Client {
	t.Helper()
	client, err := broker.Connect(brokers)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestTopicsDeclaresAllAndCanBeRunAgain(t *testing.T) {
	t.Parallel()
	brokers := cluster(t)
	for _, want := range []string{"19 topics are there, 19 of them new\n", "19 topics are there, 0 of them new\n"} {
		var said bytes.Buffer
		if code := run([]string{"topics"}, []string{"KAFKA_BROKERS=" + brokers}, &said, &said); code != 0 || said.String() != want {
			t.Errorf("%d %q", code, said.String())
		}
	}
	there, err := admin(t, brokers).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range event.Declared() {
		if got := len(there[name].Partitions); got != event.Partitions {
			t.Errorf("%s has %d partitions", name, got)
		}
	}
}

func TestTopicsSaysWhatToSet(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	if code := run([]string{"topics"}, nil, &said, &said); code != 1 || !strings.Contains(said.String(), "KAFKA_BROKERS is not set") {
		t.Errorf("%d %q", code, said.String())
	}
}

// A group that has read two of three records is one behind; the left-behind group of one replica is not shown.
func TestCollector(t *testing.T) {
	t.Parallel()
	brokers := cluster(t, kfake.SeedTopics(1, "order.created.pending"))
	produce(t, brokers, "order.created.pending", 3)
	client := admin(t, brokers)
	gone := "gateway-0c1d9b1e-7c39-4e43-9d2b-2a1f6a0a1b2c"
	for _, group := range []string{"product", gone} {
		offsets := kadm.Offsets{}
		offsets.AddOffset("order.created.pending", 0, 2, -1)
		if err := client.CommitAllOffsets(t.Context(), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	consume(t, brokers, "product", "order.created.pending")
	want := `# HELP kafka_brokers Brokers in the cluster.
# TYPE kafka_brokers gauge
kafka_brokers 1
# HELP kafka_consumergroup_current_offset Where a consumer group is.
# TYPE kafka_consumergroup_current_offset gauge
kafka_consumergroup_current_offset{consumergroup="product",partition="0",topic="order.created.pending"} 2
# HELP kafka_consumergroup_lag Records a consumer group has yet to read.
# TYPE kafka_consumergroup_lag gauge
kafka_consumergroup_lag{consumergroup="product",partition="0",topic="order.created.pending"} 1
# HELP kafka_consumergroup_members Members of a consumer group.
# TYPE kafka_consumergroup_members gauge
kafka_consumergroup_members{consumergroup="product"} 1
# HELP kafka_topic_partition_current_offset The offset the next record will have.
# TYPE kafka_topic_partition_current_offset gauge
kafka_topic_partition_current_offset{partition="0",topic="order.created.pending"} 3
# HELP kafka_topic_partition_oldest_offset The oldest offset that is still there.
# TYPE kafka_topic_partition_oldest_offset gauge
kafka_topic_partition_oldest_offset{partition="0",topic="order.created.pending"} 0
# HELP kafka_topic_partition_under_replicated_partition 1 if a replica is behind.
# TYPE kafka_topic_partition_under_replicated_partition gauge
kafka_topic_partition_under_replicated_partition{partition="0",topic="order.created.pending"} 0
`
	if code, got := scrape(t, routes(client, slog.New(slog.DiscardHandler))); code != http.StatusOK || got != want {
		t.Errorf("%d %s", code, cmp.Diff(want, got))
	}
}

// Before its first commit a group has all of a topic to read, but for one of a single replica, which begins with what is new.
func TestLagBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	brokers := cluster(t, kfake.SeedTopics(1, "order.status.changed"))
	produce(t, brokers, "order.status.changed", 3)
	replica := "gateway-0c1d9b1e-7c39-4e43-9d2b-2a1f6a0a1b2c"
	for _, group := range []string{"product", replica} {
		consume(t, brokers, group, "order.status.changed")
	}
	_, got := scrape(t, routes(admin(t, brokers), slog.New(slog.DiscardHandler)))
	for line, there := range map[string]bool{
		`kafka_consumergroup_members{consumergroup="` + replica + `"} 1`:                                        true,
		`kafka_consumergroup_lag{consumergroup="product",partition="0",topic="order.status.changed"} 3`:         true,
		`kafka_consumergroup_lag{consumergroup="` + replica + `"`:                                               false,
		`kafka_consumergroup_current_offset{consumergroup="product",partition="0",topic="order.status.changed"`: false,
	} {
		if strings.Contains(got, line) != there {
			t.Errorf("%s is there: %t\n%s", line, !there, got)
		}
	}
}

// The alert that Kafka is down waits for this number. The scrape succeeds: it is not the exporter that is away.
func TestNoBrokerIsANumber(t *testing.T) {
	t.Parallel()
	want := "# HELP kafka_brokers Brokers in the cluster.\n# TYPE kafka_brokers gauge\nkafka_brokers 0\n"
	if code, got := scrape(t, routes(admin(t, "127.0.0.1:1"), slog.New(slog.DiscardHandler))); code != http.StatusOK || got != want {
		t.Errorf("%d %s", code, got)
	}
}

// A group of which Kafka does not tell takes no other with it. The log says so once, and again after it was well in between.
func TestAGroupThatCannotBeAskedIsLeftOut(t *testing.T) {
	t.Parallel()
	kafka, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "order.created.pending"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kafka.Close)
	brokers := strings.Join(kafka.ListenAddrs(), ",")
	produce(t, brokers, "order.created.pending", 1)
	consume(t, brokers, "product", "order.created.pending")
	consume(t, brokers, "user", "order.created.pending")
	var broken atomic.Bool
	kafka.ControlKey(int16(kmsg.DescribeGroups), func(request kmsg.Request) (kmsg.Response, error, bool) {
		kafka.KeepControl()
		if !broken.Load() {
			return nil, nil, false
		}
		answer := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
		for _, name := range request.(*kmsg.DescribeGroupsRequest).Groups {
			group := kmsg.NewDescribeGroupsResponseGroup()
			group.Group, group.State, group.ProtocolType = name, "Empty", "consumer"
			if name == "product" {
				group.ErrorCode = kerr.UnknownServerError.Code
			}
			answer.Groups = append(answer.Groups, group)
		}
		return answer, nil, true
	})
	var log bytes.Buffer
	exporter := routes(admin(t, brokers), slog.New(slog.NewTextHandler(&log, nil)))
	for i, away := range []bool{true, true, false, true} {
		broken.Store(away)
		code, got := scrape(t, exporter)
		if code != http.StatusOK || !strings.Contains(got, `members{consumergroup="user"}`) || strings.Contains(got, `{consumergroup="product"`) == away {
			t.Errorf("%d: %d %s", i, code, got)
		}
	}
	if said := log.String(); strings.Count(said, "group=product") != 2 || strings.Count(said, "\n") != 2 {
		t.Errorf("the log says %s", said)
	}
}

func scrape(t *testing.T, exporter http.Handler) (code int, text string) {
	t.Helper()
	answer := httptest.NewRecorder()
	exporter.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return answer.Code, answer.Body.String()
}

func produce(t *testing.T, brokers, topic string, count int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range count {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// consume joins a group, reads, commits nothing, and stays until the test ends.
func consume(t *testing.T, brokers, group, topic string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if fetches := client.PollFetches(ctx); fetches.Err() != nil {
		t.Fatal(fetches.Err())
	}
}
