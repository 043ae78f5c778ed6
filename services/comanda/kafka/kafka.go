// Package kafka connects to Kafka, waits until it is ready, declares topics, sets the rights of users, and counts and deletes the records
// of dead-letter topics. The operator's command uses it in containers, and infra uses it on one machine.
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
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	dialTimeout   = 5 * time.Second        // bounds one connection with its TLS handshake
	retryTimeout  = 10 * time.Second       // bounds the retries of one request
	readyTimeout  = 2 * time.Second        // bounds one call of CheckReady
	retryInterval = 200 * time.Millisecond // between two attempts
)

var errBrokers = errors.New("KAFKA_BROKERS must be host:port, or a comma-separated list of them")

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

// pause waits for retryInterval. It returns false when ctx is done.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(retryInterval):
		return true
	}
}
