package infra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"comanda/services/event/broker"
)

// Topic is one topic to be there. Nothing creates topics by being used: the
// embedded broker forgets those when it is killed.
type Topic = broker.Topic

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
		k, err = embeddedKafka(ctx, options)
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

// Exited is closed when the broker has ended, for any reason. It is nil where that cannot be seen: a container, external
// brokers.
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
// there are fewer than asked for.
func (k *Kafka) Declare(ctx context.Context, topics []Topic) error {
	client, err := broker.Connect(k.brokers)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err = broker.Declare(ctx, client, topics)
	return err
}

// ready waits until the broker has a controller: it listens before it can work.
func (k *Kafka) ready(ctx context.Context) error {
	client, err := broker.Connect(k.brokers)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		err := broker.Answer(ctx, client)
		if err == nil {
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
