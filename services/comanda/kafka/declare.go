package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Topic is a topic to declare.
type Topic struct {
	Name       string
	Partitions int
	Retention  time.Duration // 0: the broker's default; negative: for ever
}

// segmentsPerRetention is the number of files into which a topic's retention is divided. Kafka deletes only whole files, and never the
// file it writes to. By default it writes to one file for 7 days, even if the retention is shorter.
const segmentsPerRetention = 6

// configs returns the topic's settings that differ from the broker's.
func (t Topic) configs() map[string]string {
	if t.Retention == 0 {
		return nil
	}
	if t.Retention < 0 {
		return map[string]string{"retention.ms": "-1"}
	}
	return map[string]string{
		"retention.ms": strconv.FormatInt(t.Retention.Milliseconds(), 10),
		"segment.ms":   strconv.FormatInt((t.Retention / segmentsPerRetention).Milliseconds(), 10),
	}
}

// DeclareTopics creates the missing topics, and gives the others their missing partitions and their own retention. Replication is the
// cluster's default. It returns the number of topics that it created.
func DeclareTopics(ctx context.Context, client *kadm.Client, topics []Topic) (created int, err error) {
	existing, err := client.ListTopics(ctx)
	if err != nil {
		return 0, fmt.Errorf("declare topics: %w", err)
	}
	for _, topic := range topics {
		isNew, err := declareWithRetry(ctx, client, existing, topic)
		if err != nil {
			return created, fmt.Errorf("declare topic %s: %w", topic.Name, err)
		}
		if isNew {
			created++
		}
	}
	return created, nil
}

// declareWithRetry retries on INVALID_REPLICATION_FACTOR. A broker on a busy machine misses its own heartbeats, above all at
// start, and then counts none of its replicas as alive.
func declareWithRetry(ctx context.Context, client *kadm.Client, existing kadm.TopicDetails, topic Topic) (isNew bool, err error) {
	for {
		isNew, err = declareTopic(ctx, client, existing, topic)
		if !errors.Is(err, kerr.InvalidReplicationFactor) || !pause(ctx) {
			return isNew, err
		}
	}
}

// declareTopic creates topic unless it is among the existing ones. It gives an existing topic its settings and its missing partitions; Kafka
// cannot remove partitions. isNew is false too if another process has created the topic in the meantime.
func declareTopic(ctx context.Context, client *kadm.Client, existing kadm.TopicDetails, topic Topic) (isNew bool, err error) {
	found, ok := existing[topic.Name]
	if !ok || found.Err != nil {
		configs := map[string]*string{}
		for name, value := range topic.configs() {
			configs[name] = &value
		}
		response, err := client.CreateTopic(ctx, int32(topic.Partitions), -1, configs, topic.Name)
		if err == nil {
			err = response.Err
		}
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return false, nil
		}
		return err == nil, err
	}
	if err := setConfigs(ctx, client, topic); err != nil {
		return false, err
	}
	if len(found.Partitions) >= topic.Partitions {
		return false, nil
	}
	responses, err := client.UpdatePartitions(ctx, topic.Partitions, topic.Name)
	return false, errors.Join(err, responses.Error())
}

// setConfigs gives an existing topic its own settings. It leaves all others as they are.
func setConfigs(ctx context.Context, client *kadm.Client, topic Topic) error {
	var changes []kadm.AlterConfig
	for name, value := range topic.configs() {
		changes = append(changes, kadm.AlterConfig{Op: kadm.SetConfig, Name: name, Value: &value})
	}
	if len(changes) == 0 {
		return nil
	}
	responses, err := client.AlterTopicConfigs(ctx, changes, topic.Name)
	if err != nil {
		return err
	}
	for _, response := range responses {
		err = errors.Join(err, response.Err)
	}
	return err
}
