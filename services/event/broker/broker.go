// Package broker makes a Kafka broker ready for the events: it finds out whether the broker works, and declares the
// topics. Nothing creates topics by being used: they would have the wrong number of partitions, and some brokers forget
// them. It is open to whatever starts the system, in whichever way.
package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// The times of a client: how long one request may go on being tried, how long a broker may take to answer whether it
// works, and how long we wait before we ask again.
const (
	retryTimeout   = 10 * time.Second
	answerTimeout  = 2 * time.Second
	answerInterval = 200 * time.Millisecond
)

// Topic is one topic to be there.
type Topic struct {
	Name       string
	Partitions int
}

// Connect makes a client for brokers, host:port separated by commas. It connects to none of them yet. The caller closes it.
func Connect(brokers string) (*kadm.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.DialTimeout(time.Second), kgo.RetryTimeout(retryTimeout),
		kgo.MetadataMinAge(answerInterval)) // what it knows of the cluster is no older than our next question
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS %q: %w", brokers, err)
	}
	return kadm.NewClient(client), nil
}

// Answer asks once whether the broker works: it listens before it has a controller, and can do nothing without one.
func Answer(ctx context.Context, client *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	meta, err := client.BrokerMetadata(ctx)
	if err == nil && (meta.Controller < 0 || len(meta.Brokers) == 0) {
		return errors.New("the broker has no controller yet")
	}
	return err
}

// Await asks until the broker works, or ctx is done.
func Await(ctx context.Context, client *kadm.Client) error {
	for {
		err := Answer(ctx, client)
		if err == nil {
			return nil
		}
		if !pause(ctx) {
			return err
		}
	}
}

// Declare creates the topics that are not there, and adds partitions where there are fewer than asked for. Replication is
// the cluster's default. It returns how many topics it created.
func Declare(ctx context.Context, client *kadm.Client, topics []Topic) (created int, err error) {
	there, err := client.ListTopics(ctx)
	if err != nil {
		return 0, fmt.Errorf("declare topics: %w", err)
	}
	for _, topic := range topics {
		fresh, err := declareOnce(ctx, client, there, topic)
		if err != nil {
			return created, fmt.Errorf("declare topic %s: %w", topic.Name, err)
		}
		if fresh {
			created++
		}
	}
	return created, nil
}

// declareOnce waits for the broker as long as it takes none of its own replicas for alive: a busy machine makes it miss
// its own heartbeats, at the start above all, and it says INVALID_REPLICATION_FACTOR then.
func declareOnce(ctx context.Context, client *kadm.Client, there kadm.TopicDetails, topic Topic) (fresh bool, err error) {
	for {
		fresh, err = declare(ctx, client, there, topic)
		if !errors.Is(err, kerr.InvalidReplicationFactor) || !pause(ctx) {
			return fresh, err
		}
	}
}

func declare(ctx context.Context, client *kadm.Client, there kadm.TopicDetails, topic Topic) (fresh bool, err error) {
	found, ok := there[topic.Name]
	if !ok || found.Err != nil {
		answer, err := client.CreateTopic(ctx, int32(topic.Partitions), -1, nil, topic.Name)
		if err == nil {
			err = answer.Err
		}
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return false, nil
		}
		return err == nil, err
	}
	if len(found.Partitions) >= topic.Partitions {
		return false, nil
	}
	answers, err := client.UpdatePartitions(ctx, topic.Partitions, topic.Name)
	return false, errors.Join(err, answers.Error())
}

// pause waits a moment; false says that ctx is done.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(answerInterval):
		return true
	}
}
