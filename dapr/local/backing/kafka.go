package backing

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is one topic to be there. Nothing creates topics by being used: the
// embedded broker forgets those when it is killed.
type Topic struct {
	Name       string
	Partitions int
}

// Kafka is one running broker, or the brokers that were there.
type Kafka struct {
	server
	brokers string
	note    string
	exit    func() <-chan struct{}
}

// StartKafka starts the broker, or finds it, and returns when it answers.
func StartKafka(ctx context.Context, options Options) (*Kafka, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	var k *Kafka
	switch options.Kind {
	case Embedded:
		k, err = embeddedKafka(options)
	case Apache:
		k, err = apacheKafka(ctx, options)
	case Containers:
		k, err = containerKafka(options)
	case External:
		k, err = externalKafka(os.Getenv)
	default:
		return nil, fmt.Errorf("unknown backing %q", options.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if err := k.Start(ctx); err != nil {
		return nil, errors.Join(err, k.Stop(context.WithoutCancel(ctx)))
	}
	options.say("Kafka: %s", k.note)
	return k, nil
}

// Brokers is what KAFKA_BROKERS takes: host:port, separated by commas.
func (k *Kafka) Brokers() string { return k.brokers }

// Note says in one line which broker this is.
func (k *Kafka) Note() string { return k.note }

// Exited is closed when the broker has ended, whoever ended it; nil where that
// cannot be seen (a container, someone else's brokers).
func (k *Kafka) Exited() <-chan struct{} {
	if k.exit == nil {
		return nil
	}
	return k.exit()
}

// Start runs the broker again, after Stop or Kill, on the same port and data.
func (k *Kafka) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := k.start(ctx); err != nil {
		return wrap("start kafka", err)
	}
	return wrap("start kafka", k.ready(ctx))
}

// Stop ends the broker in good order; its data stays.
func (k *Kafka) Stop(ctx context.Context) error { return wrap("stop kafka", k.stop(ctx)) }

// Kill ends the broker as a power cut would.
func (k *Kafka) Kill(ctx context.Context) error { return wrap("kill kafka", k.kill(ctx)) }

// Declare creates the topics that are not there, and adds partitions where
// there are fewer than asked for. Replication is the cluster's default.
func (k *Kafka) Declare(ctx context.Context, topics []Topic) error {
	client, err := k.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	there, err := client.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("declare topics: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for _, topic := range topics {
		if err := declareOnce(ctx, client, there, topic); err != nil {
			return fmt.Errorf("declare topic %s: %w", topic.Name, err)
		}
	}
	return nil
}

// declareOnce waits for the broker as long as it takes none of its own replicas for alive: a busy machine makes it miss
// its own heartbeats, at the start above all, and it says INVALID_REPLICATION_FACTOR then.
func declareOnce(ctx context.Context, client *kadm.Client, there kadm.TopicDetails, topic Topic) error {
	for {
		err := declare(ctx, client, there, topic)
		if !errors.Is(err, kerr.InvalidReplicationFactor) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func declare(ctx context.Context, client *kadm.Client, there kadm.TopicDetails, topic Topic) error {
	found, ok := there[topic.Name]
	if !ok || found.Err != nil {
		answer, err := client.CreateTopic(ctx, int32(topic.Partitions), -1, nil, topic.Name)
		if err == nil {
			err = answer.Err
		}
		if errors.Is(err, kerr.TopicAlreadyExists) {
			return nil
		}
		return err
	}
	if len(found.Partitions) >= topic.Partitions {
		return nil
	}
	answers, err := client.UpdatePartitions(ctx, topic.Partitions, topic.Name)
	return errors.Join(err, answers.Error())
}

func (k *Kafka) admin() (*kadm.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(k.brokers, ",")...),
		kgo.DialTimeout(time.Second), kgo.RetryTimeout(10*time.Second))
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS %q: %w", k.brokers, err)
	}
	return kadm.NewClient(client), nil
}

// ready waits until the broker has a controller: it listens before it can work.
func (k *Kafka) ready(ctx context.Context) error {
	client, err := k.admin()
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		attempt, cancel := context.WithTimeout(ctx, 2*time.Second)
		meta, err := client.BrokerMetadata(attempt)
		cancel()
		if err == nil && meta.Controller >= 0 && len(meta.Brokers) > 0 {
			return nil
		}
		select {
		case <-k.Exited():
			return errors.New("it ended at start: " + k.note)
		case <-ctx.Done():
			return fmt.Errorf("no broker answers at %s: %w", k.brokers, errors.Join(err, ctx.Err()))
		case <-time.After(answerInterval):
		}
	}
}
