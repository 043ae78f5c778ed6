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

	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// startCluster starts a fake Kafka for the test and returns its brokers.
func startCluster(t *testing.T, options ...kfake.Opt) string {
	t.Helper()
	c, err := kfake.NewCluster(append(options, kfake.NumBrokers(1))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return strings.Join(c.ListenAddrs(), ",")
}

func connect(t *testing.T, brokers string) *kadm.Client {
	t.Helper()
	client, err := kafka.Connect(kafka.Settings{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestTopicsDeclaresEveryTopicAndCanRunAgain(t *testing.T) {
	t.Parallel()
	brokers := startCluster(t)
	for _, want := range []string{"24 topics exist, 24 of them new\n", "24 topics exist, 0 of them new\n"} {
		var output bytes.Buffer
		if code := run([]string{"topics"}, []string{"KAFKA_BROKERS=" + brokers}, &output, &output); code != 0 ||
			output.String() != want {
			t.Errorf("got exit code %d and %q, want 0 and %q", code, output.String(), want)
		}
	}
	topics, err := connect(t, brokers).ListTopics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range event.Declared() {
		if got := len(topics[name].Partitions); got != event.Partitions {
			t.Errorf("topic %s: got %d partitions, want %d", name, got, event.Partitions)
		}
	}
}

func TestTopicsNamesTheMissingSetting(t *testing.T) {
	t.Parallel()
	var output bytes.Buffer
	if code := run([]string{"topics"}, nil, &output, &output); code != 1 ||
		!strings.Contains(output.String(), "KAFKA_BROKERS is not set") {
		t.Errorf("got exit code %d and %q, want 1 and that KAFKA_BROKERS is not set", code, output.String())
	}
}

// A group that has committed two of three records has a lag of 1. The group of a replica that has ended is not reported.
func TestCollectorReportsBrokersTopicsAndGroups(t *testing.T) {
	t.Parallel()
	brokers := startCluster(t, kfake.SeedTopics(1, "order.created.pending"))
	produce(t, brokers, "order.created.pending", 3)
	client := connect(t, brokers)
	endedReplica := "gateway-0c1d9b1e-7c39-4e43-9d2b-2a1f6a0a1b2c"
	for _, group := range []string{"product", endedReplica} {
		offsets := kadm.Offsets{}
		offsets.AddOffset("order.created.pending", 0, 2, -1)
		if err := client.CommitAllOffsets(t.Context(), group, offsets); err != nil {
			t.Fatal(err)
		}
	}
	consume(t, brokers, "product", "order.created.pending")
	want := `# HELP kafka_brokers Number of brokers in the cluster; 0 while Kafka does not respond.
# TYPE kafka_brokers gauge
kafka_brokers 1
# HELP kafka_consumergroup_current_offset Offset that a consumer group has committed on a partition.
# TYPE kafka_consumergroup_current_offset gauge
kafka_consumergroup_current_offset{consumergroup="product",partition="0",topic="order.created.pending"} 2
# HELP kafka_consumergroup_lag Number of records of a partition that a consumer group has not committed.
# TYPE kafka_consumergroup_lag gauge
kafka_consumergroup_lag{consumergroup="product",partition="0",topic="order.created.pending"} 1
# HELP kafka_consumergroup_members Number of members of a consumer group.
# TYPE kafka_consumergroup_members gauge
kafka_consumergroup_members{consumergroup="product"} 1
# HELP kafka_topic_partition_current_offset Offset of the next record of a partition.
# TYPE kafka_topic_partition_current_offset gauge
kafka_topic_partition_current_offset{partition="0",topic="order.created.pending"} 3
# HELP kafka_topic_partition_oldest_offset Oldest offset that a partition still holds.
# TYPE kafka_topic_partition_oldest_offset gauge
kafka_topic_partition_oldest_offset{partition="0",topic="order.created.pending"} 0
# HELP kafka_topic_partition_under_replicated_partition 1 if a partition has fewer in-sync replicas than replicas, else 0.
# TYPE kafka_topic_partition_under_replicated_partition gauge
kafka_topic_partition_under_replicated_partition{partition="0",topic="order.created.pending"} 0
`
	if code, got := scrape(t, exporterRoutes(client, slog.New(slog.DiscardHandler))); code != http.StatusOK || got != want {
		t.Errorf("got status %d, want 200; the difference (-want +got):\n%s", code, cmp.Diff(want, got))
	}
}

// Before its first commit a service's group lags behind by all records. A replica's group has no lag, because it starts at the
// newest record.
func TestOnlyAServicesGroupHasLagBeforeTheFirstCommit(t *testing.T) {
	t.Parallel()
	brokers := startCluster(t, kfake.SeedTopics(1, "order.status.changed"))
	produce(t, brokers, "order.status.changed", 3)
	replica := "gateway-0c1d9b1e-7c39-4e43-9d2b-2a1f6a0a1b2c"
	for _, group := range []string{"product", replica} {
		consume(t, brokers, group, "order.status.changed")
	}
	_, got := scrape(t, exporterRoutes(connect(t, brokers), slog.New(slog.DiscardHandler)))
	for line, want := range map[string]bool{
		`kafka_consumergroup_members{consumergroup="` + replica + `"} 1`:                                        true,
		`kafka_consumergroup_lag{consumergroup="product",partition="0",topic="order.status.changed"} 3`:         true,
		`kafka_consumergroup_lag{consumergroup="` + replica + `"`:                                               false,
		`kafka_consumergroup_current_offset{consumergroup="product",partition="0",topic="order.status.changed"`: false,
	} {
		if strings.Contains(got, line) != want {
			t.Errorf("%s: got %t, want %t in\n%s", line, !want, want, got)
		}
	}
}

// The alert for a missing Kafka needs the number 0. The scrape succeeds, because the exporter itself works.
func TestCollectorReportsZeroBrokersWithoutKafka(t *testing.T) {
	t.Parallel()
	want := "# HELP kafka_brokers Number of brokers in the cluster; 0 while Kafka does not respond.\n" +
		"# TYPE kafka_brokers gauge\nkafka_brokers 0\n"
	if code, got := scrape(t, exporterRoutes(connect(t, "127.0.0.1:1"), slog.New(slog.DiscardHandler))); code != http.StatusOK ||
		got != want {
		t.Errorf("got status %d and %q, want 200 and %q", code, got, want)
	}
}

// If Kafka cannot describe a group, only that group is skipped. The log says so once, and again after a success in between.
func TestGroupThatCannotBeDescribedIsSkipped(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "order.created.pending"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	brokers := strings.Join(cluster.ListenAddrs(), ",")
	produce(t, brokers, "order.created.pending", 1)
	consume(t, brokers, "product", "order.created.pending")
	consume(t, brokers, "user", "order.created.pending")
	var broken atomic.Bool
	cluster.ControlKey(int16(kmsg.DescribeGroups), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if !broken.Load() {
			return nil, nil, false
		}
		response := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
		for _, name := range request.(*kmsg.DescribeGroupsRequest).Groups {
			group := kmsg.NewDescribeGroupsResponseGroup()
			group.Group, group.State, group.ProtocolType = name, "Empty", "consumer"
			if name == "product" {
				group.ErrorCode = kerr.UnknownServerError.Code
			}
			response.Groups = append(response.Groups, group)
		}
		return response, nil, true
	})
	var log bytes.Buffer
	exporter := exporterRoutes(connect(t, brokers), slog.New(slog.NewTextHandler(&log, nil)))
	for i, productFails := range []bool{true, true, false, true} {
		broken.Store(productFails)
		code, got := scrape(t, exporter)
		if code != http.StatusOK || !strings.Contains(got, `members{consumergroup="user"}`) ||
			strings.Contains(got, `{consumergroup="product"`) == productFails {
			t.Errorf("scrape %d: got status %d, want 200, user's group, and product's group %t:\n%s", i+1, code, !productFails, got)
		}
	}
	if text := log.String(); strings.Count(text, "group=product") != 2 || strings.Count(text, "\n") != 2 {
		t.Errorf("got the log\n%swant two lines, both for the group product", text)
	}
}

func scrape(t *testing.T, exporter http.Handler) (code int, text string) {
	t.Helper()
	response := httptest.NewRecorder()
	exporter.ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return response.Code, response.Body.String()
}

func produce(t *testing.T, brokers, topic string, count int) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range count {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Key: []byte("one partition"), Value: []byte("{}")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// consume joins a group and reads a first batch. It commits nothing and remains a member until the test ends.
func consume(t *testing.T, brokers, group, topic string) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.DisableAutoCommit())
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

// EndOffsets repeats a listing that Kafka answers with a retriable error. For another error it names the partition.
func TestEndOffsetsRetriesARetriableAnswer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		answer *kerr.Error
		fails  bool
	}{{kerr.UnknownTopicOrPartition, false}, {kerr.UnknownServerError, true}} {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "order.created.pending"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		brokers := strings.Join(cluster.ListenAddrs(), ",")
		produce(t, brokers, "order.created.pending", 3)
		cluster.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
			partition := kmsg.NewListOffsetsResponseTopicPartition()
			partition.ErrorCode = test.answer.Code
			topic := kmsg.NewListOffsetsResponseTopic()
			topic.Topic, topic.Partitions = "order.created.pending", []kmsg.ListOffsetsResponseTopicPartition{partition}
			response := request.ResponseKind().(*kmsg.ListOffsetsResponse)
			response.Topics = append(response.Topics, topic)
			return response, nil, true
		})
		ends, err := kafka.EndOffsets(t.Context(), connect(t, brokers), "order.created.pending")
		if test.fails {
			if err == nil || !strings.Contains(err.Error(), "partition 0 of order.created.pending") {
				t.Errorf("%v: got error %v, want one that names the partition", test.answer, err)
			}
			continue
		}
		if end, _ := ends.Lookup("order.created.pending", 0); err != nil || end.Offset != 3 {
			t.Errorf("%v: got offset %d and error %v, want 3", test.answer, end.Offset, err)
		}
	}
}
