package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// EndOffsets returns the offset after the last record of each partition of these topics, or of all topics if none is given. An
// error names the topic and the partition.
//
// It retries for up to 10 seconds while Kafka answers with an error that Kafka declares retriable. A busy broker may answer
// UNKNOWN_TOPIC_OR_PARTITION for a topic that exists.
func EndOffsets(ctx context.Context, client *kadm.Client, topics ...string) (kadm.ListedOffsets, error) {
	ctx, cancel := context.WithTimeout(ctx, retryTimeout)
	defer cancel()
	for {
		ends, err := client.ListEndOffsets(ctx, topics...)
		if err == nil {
			err = listingError(ends)
		}
		if err == nil {
			return ends, nil
		}
		if !kerr.IsRetriable(err) || !pause(ctx) {
			return nil, fmt.Errorf("list the ends of the topics: %w", err)
		}
	}
}

// listingError returns an error of a partition in the listing; nil if there is none.
func listingError(ends kadm.ListedOffsets) (err error) {
	ends.Each(func(end kadm.ListedOffset) {
		if err == nil && end.Err != nil {
			err = fmt.Errorf("partition %d of %s: %w", end.Partition, end.Topic, end.Err)
		}
	})
	return err
}
