// Package kafka connects to Kafka, waits until it is ready, and declares topics. The operator's command uses it in
// containers, and infra uses it on one machine.
//
// Topics are declared and never auto-created: an auto-created topic has the wrong number of partitions, and some brokers
// forget it.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	dialTimeout   = 5 * time.Second        // bounds one connection with its TLS handshake
	retryTimeout  = 10 * time.Second       // bounds the retries of one request
	readyTimeout  = 2 * time.Second        // bounds one call of CheckReady
	retryInterval = 200 * time.Millisecond // between two attempts
)

var errBrokers = errors.New("KAFKA_BROKERS must be host:port, or a comma-separated list of them")

// Topic is a topic to declare.
type Topic struct {
	Name       string
	Partitions int
	Retention  time.Duration // 0: the broker's default
}

// segmentsPerRetention is the number of files into which a topic's retention is divided. Kafka deletes whole files, and never the one
// it writes to: by default that one is written for 7 days, whatever the retention.
const segmentsPerRetention = 6

// configs returns the topic's settings that differ from the broker's.
func (t Topic) configs() map[string]string {
	if t.Retention == 0 {
		return nil
	}
	return map[string]string{
		"retention.ms": strconv.FormatInt(t.Retention.Milliseconds(), 10),
		"segment.ms":   strconv.FormatInt((t.Retention / segmentsPerRetention).Milliseconds(), 10),
	}
}

// Connect returns a client for these settings. It opens no connection yet. The caller closes the client.
func Connect(settings Settings) (*kadm.Client, error) {
	options, err := settings.ClientOptions()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(options,
		kgo.DialTimeout(dialTimeout), kgo.RetryTimeout(retryTimeout),
		kgo.MetadataMinAge(retryInterval))...) // so that each attempt sees fresh metadata
	if err != nil {
		return nil, fmt.Errorf("KAFKA_BROKERS %q: %w", settings.Brokers, err)
	}
	return kadm.NewClient(client), nil
}

// brokerAddresses returns the addresses in a comma-separated list.
func brokerAddresses(brokers string) (addresses []string, err error) {
	for address := range strings.SplitSeq(brokers, ",") {
		if address = strings.TrimSpace(address); address == "" {
			continue
		}
		host, port, err := net.SplitHostPort(address)
		if _, invalid := strconv.ParseUint(port, 10, 16); err != nil || invalid != nil || host == "" {
			return nil, errBrokers
		}
		addresses = append(addresses, address)
	}
	if len(addresses) == 0 {
		return nil, errBrokers
	}
	return addresses, nil
}

// CheckReady returns an error unless the cluster has a controller. A broker listens before that, and can do nothing without a
// controller.
func CheckReady(ctx context.Context, client *kadm.Client) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	meta, err := client.BrokerMetadata(ctx)
	if err == nil && (meta.Controller < 0 || len(meta.Brokers) == 0) {
		return errors.New("the broker has no controller yet")
	}
	return err
}

// AwaitReady calls CheckReady until it succeeds or ctx is done.
func AwaitReady(ctx context.Context, client *kadm.Client) error {
	for {
		err := CheckReady(ctx, client)
		if err == nil {
			return nil
		}
		if !pause(ctx) {
			return err
		}
	}
}

// DeclareTopics creates the missing topics, and adds missing partitions and the topic's own retention to the others. Replication is the cluster's default. It
// returns the number of topics that it created.
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

// pause waits for retryInterval. It returns false when ctx is done.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(retryInterval):
		return true
	}
}
