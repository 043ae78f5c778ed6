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

// scrapeTimeout is shorter than Prometheus' own (deploy/prometheus/prometheus.yml), so that Prometheus gets a response.
const scrapeTimeout = 3 * time.Second

var (
	partitionLabels = []string{"topic", "partition"}
	groupLabels     = []string{"consumergroup", "topic", "partition"}
)

// The metrics have the names of danielqsj/kafka_exporter, which most dashboards are made for.
var (
	brokersCount    = newDesc("kafka_brokers", "Number of brokers in the cluster; 0 while Kafka does not respond.")
	currentOffset   = newDesc("kafka_topic_partition_current_offset", "Offset of the next record of a partition.", partitionLabels...)
	oldestOffset    = newDesc("kafka_topic_partition_oldest_offset", "Oldest offset that a partition still holds.", partitionLabels...)
	underReplicated = newDesc("kafka_topic_partition_under_replicated_partition",
		"1 if a partition has fewer in-sync replicas than replicas, else 0.", partitionLabels...)
	groupMembers = newDesc("kafka_consumergroup_members", "Number of members of a consumer group.", "consumergroup")
	groupOffset  = newDesc("kafka_consumergroup_current_offset",
		"Offset that a consumer group has committed on a partition.", groupLabels...)
	groupLag = newDesc("kafka_consumergroup_lag",
		"Number of records of a partition that a consumer group has not committed.", groupLabels...)
)

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// replicaGroup matches the consumer groups of live tracking. Each replica of the gateway has its own group, which remains in
// Kafka when the replica ends (components/tracking.yaml).
var replicaGroup = regexp.MustCompile(`-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// collector queries Kafka at each scrape. While Kafka does not respond, it reports 0 brokers and nothing else. If a later
// request fails, the scrape fails: a missing number is better than an old one. A consumer group that Kafka cannot describe is
// skipped on its own, and alerts detect that it is absent.
type collector struct {
	client *kadm.Client
	log    *slog.Logger

	mu     sync.Mutex
	failed map[string]bool // the groups that are skipped, each logged once
}

func newCollector(client *kadm.Client, log *slog.Logger) *collector {
	return &collector{client: client, log: log, failed: map[string]bool{}}
}

// Describe sends nothing, which makes this an unchecked collector: its topics and groups are known only at a scrape.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	meta, err := c.client.Metadata(ctx)
	if err != nil { // not a failed scrape, which would look like a fault of the exporter: the alert for Kafka needs the number 0
		out <- newGauge(brokersCount, 0)
		return
	}
	if err := errors.Join(c.collectTopics(ctx, meta, out), c.collectGroups(ctx, out)); err != nil {
		out <- prometheus.NewInvalidMetric(groupLag, err)
	}
}

// collectTopics reports the brokers, and the offsets and the replication of every partition. It leaves out Kafka's internal topics.
func (c *collector) collectTopics(ctx context.Context, meta kadm.Metadata, out chan<- prometheus.Metric) error {
	out <- newGauge(brokersCount, len(meta.Brokers))
	meta.Topics.FilterInternal()
	newest, err := c.client.ListEndOffsets(ctx, meta.Topics.Names()...)
	if err != nil {
		return fmt.Errorf("list the newest offsets: %w", err)
	}
	oldest, err := c.client.ListStartOffsets(ctx, meta.Topics.Names()...)
	if err != nil {
		return fmt.Errorf("list the oldest offsets: %w", err)
	}
	send := func(desc *prometheus.Desc) func(kadm.ListedOffset) {
		return func(o kadm.ListedOffset) {
			if o.Err == nil {
				out <- newGauge(desc, o.Offset, o.Topic, strconv.Itoa(int(o.Partition)))
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
			out <- newGauge(underReplicated, behind, topic.Topic, strconv.Itoa(int(p.Partition)))
		}
	}
	return nil
}

// collectGroups reports the members, the offsets and the lag of every consumer group, but not the groups of gateway replicas that have ended.
func (c *collector) collectGroups(ctx context.Context, out chan<- prometheus.Metric) error {
	lags, err := c.client.Lag(ctx)
	if err != nil {
		return fmt.Errorf("list the consumer groups: %w", err)
	}
	for _, group := range lags.Sorted() {
		if !c.wasDescribed(group) {
			continue
		}
		if len(group.Members) == 0 && replicaGroup.MatchString(group.Group) {
			continue
		}
		out <- newGauge(groupMembers, len(group.Members), group.Group)
		for _, lag := range group.Lag.Sorted() {
			if lag.Err != nil || lag.Commit.At < 0 && replicaGroup.MatchString(group.Group) {
				continue // a replica's group starts at the newest record: before its first commit it has no lag
			}
			partition := strconv.Itoa(int(lag.Partition))
			out <- newGauge(groupLag, lag.Lag, group.Group, lag.Topic, partition)
			if lag.Commit.At >= 0 { // before its first commit any other group lags behind by all records and has no offset
				out <- newGauge(groupOffset, lag.Commit.At, group.Group, lag.Topic, partition)
			}
		}
	}
	return nil
}

// wasDescribed reports whether Kafka described the group. It logs the first failure after a success.
func (c *collector) wasDescribed(group kadm.DescribedGroupLag) bool {
	err := group.Error()
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		delete(c.failed, group.Group)
	case !c.failed[group.Group]:
		c.failed[group.Group] = true
		c.log.Warn("consumer group skipped: Kafka did not describe it", "group", group.Group, "error", err.Error())
	}
	return err == nil
}

func newGauge[N int | int64](desc *prometheus.Desc, value N, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(value), labels...)
}
