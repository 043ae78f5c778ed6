package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
)

// scrapeTimeout is less than Prometheus waits (deploy/prometheus/prometheus.yml), so that it hears an answer.
const scrapeTimeout = 3 * time.Second

// The metrics, under the names of the exporter most dashboards are made for (danielqsj/kafka_exporter).
var (
	brokersCount    = describe("kafka_brokers", "Brokers in the cluster.")
	currentOffset   = describe("kafka_topic_partition_current_offset", "The offset the next record will have.", "topic", "partition")
	oldestOffset    = describe("kafka_topic_partition_oldest_offset", "The oldest offset that is still there.", "topic", "partition")
	underReplicated = describe("kafka_topic_partition_under_replicated_partition", "1 if a replica is behind.", "topic", "partition")
	groupMembers    = describe("kafka_consumergroup_members", "Members of a consumer group.", "consumergroup")
	groupOffset     = describe("kafka_consumergroup_current_offset", "Where a consumer group is.", "consumergroup", "topic", "partition")
	groupLag        = describe("kafka_consumergroup_lag", "Records a consumer group has yet to read.", "consumergroup", "topic", "partition")
)

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// ofOneReplica are the groups of live tracking: each replica of the gateway has one of its own, which is left behind when it
// ends (components/tracking.yaml).
var ofOneReplica = regexp.MustCompile(`-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// collector asks Kafka for everything at each scrape. While Kafka does not answer at all there are 0 brokers, and nothing else
// is known; what fails later makes the scrape fail: no number is better than an old one. But a consumer group of which Kafka
// tells nothing is left out alone, and the alerts miss it.
type collector struct {
	client *kadm.Client
	log    *slog.Logger

	mu     sync.Mutex
	silent map[string]bool // groups that are left out, and of which the log says so
}

func newCollector(client *kadm.Client, log *slog.Logger) *collector {
	return &collector{client: client, log: log, silent: map[string]bool{}}
}

// Describe says nothing in advance (an unchecked collector): which topics and groups there are is seen when asked.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	meta, err := c.client.Metadata(ctx)
	if err != nil { // an alert waits for this number: a scrape that failed would be blamed on us
		out <- gauge(brokersCount, 0)
		return
	}
	if err := errors.Join(c.topics(ctx, meta, out), c.groups(ctx, out)); err != nil {
		out <- prometheus.NewInvalidMetric(groupLag, err)
	}
}

func (c *collector) topics(ctx context.Context, meta kadm.Metadata, out chan<- prometheus.Metric) error {
	out <- gauge(brokersCount, len(meta.Brokers))
	meta.Topics.FilterInternal()
	newest, err := c.client.ListEndOffsets(ctx, meta.Topics.Names()...)
	if err != nil {
		return fmt.Errorf("ask for the newest offsets: %w", err)
	}
	oldest, err := c.client.ListStartOffsets(ctx, meta.Topics.Names()...)
	if err != nil {
		return fmt.Errorf("ask for the oldest offsets: %w", err)
	}
	send := func(desc *prometheus.Desc) func(kadm.ListedOffset) {
		return func(o kadm.ListedOffset) {
			if o.Err == nil {
				out <- gauge(desc, o.Offset, o.Topic, strconv.Itoa(int(o.Partition)))
			}
		}
	}
	newest.Each(send(currentOffset))
	oldest.Each(send(oldestOffset))
	for _, topic := range meta.Topics {
		for _, p := range topic.Partitions {
			behind := 0
			if len(p.ISR) < len(p.Replicas) {
				behind = 1
			}
			out <- gauge(underReplicated, behind, topic.Topic, strconv.Itoa(int(p.Partition)))
		}
	}
	return nil
}

func (c *collector) groups(ctx context.Context, out chan<- prometheus.Metric) error {
	lags, err := c.client.Lag(ctx)
	if err != nil {
		return fmt.Errorf("ask for the consumer groups: %w", err)
	}
	for _, group := range lags.Sorted() {
		if !c.tells(group) {
			continue
		}
		if len(group.Members) == 0 && ofOneReplica.MatchString(group.Group) {
			continue
		}
		out <- gauge(groupMembers, len(group.Members), group.Group)
		for _, lag := range group.Lag.Sorted() {
			if lag.Err != nil || lag.Commit.At < 0 && ofOneReplica.MatchString(group.Group) {
				continue // that group begins with what is new: before its first commit there is nothing it has yet to read
			}
			partition := strconv.Itoa(int(lag.Partition))
			out <- gauge(groupLag, lag.Lag, group.Group, lag.Topic, partition)
			if lag.Commit.At >= 0 { // before its first commit any other group has to read what there is, and is nowhere yet
				out <- gauge(groupOffset, lag.Commit.At, group.Group, lag.Topic, partition)
			}
		}
	}
	return nil
}

// tells says whether Kafka told of a group, and notes when that changes.
func (c *collector) tells(group kadm.DescribedGroupLag) bool {
	err := group.Error()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		delete(c.silent, group.Group)
	case !c.silent[group.Group]:
		c.silent[group.Group] = true
		c.log.Warn("a consumer group is left out", "group", group.Group, "error", err.Error())
	}
	return err == nil
}

func gauge[N int | int64](desc *prometheus.Desc, value N, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
}
