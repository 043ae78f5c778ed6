package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"comanda/services"
	"comanda/services/event"
)

// Unstored returns how many records of its dead-letter topic each service has yet to store. The gateway stores none, so all records in its
// topic count.
func Unstored(ctx context.Context, client *kadm.Client) (map[string]int64, error) {
	unstored := map[string]int64{}
	for _, service := range event.Consumers {
		topic := event.DeadLetters(service)
		ends, err := EndOffsets(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		starts, err := startOffsets(ctx, client, topic)
		if err != nil {
			return nil, err
		}
		stored, err := storedOffsets(ctx, client, service)
		if err != nil {
			return nil, err
		}
		ends.Each(func(end kadm.ListedOffset) {
			unstored[service] += end.Offset - max(starts[end.Partition], stored[end.Partition])
		})
	}
	return unstored, nil
}

// DeleteStored deletes the records of the dead-letter topics that their services have stored, and returns their number. Most of these topics
// keep their records for ever (event.Retention), so they would only grow.
func DeleteStored(ctx context.Context, client *kadm.Client) (deleted int64, err error) {
	for _, service := range services.Stateful {
		topic := event.DeadLetters(service)
		starts, err := startOffsets(ctx, client, topic)
		if err != nil {
			return deleted, err
		}
		stored, err := storedOffsets(ctx, client, service)
		if err != nil {
			return deleted, err
		}
		until := kadm.Offsets{}
		for partition, offset := range stored {
			if start, exists := starts[partition]; exists && offset > start {
				until.AddOffset(topic, partition, offset, -1)
			}
		}
		if len(until) == 0 {
			continue
		}
		responses, err := client.DeleteRecords(ctx, until)
		responses.Each(func(response kadm.DeleteRecordsResponse) {
			if err == nil {
				err = response.Err
			}
			deleted += max(0, response.LowWatermark-starts[response.Partition])
		})
		if err != nil {
			return deleted, fmt.Errorf("delete the stored records of %s: %w", topic, err)
		}
	}
	return deleted, nil
}

// startOffsets returns the offset of the first record of each partition.
func startOffsets(ctx context.Context, client *kadm.Client, topic string) (map[int32]int64, error) {
	listed, err := client.ListStartOffsets(ctx, topic)
	if err == nil {
		err = listingError(listed)
	}
	if err != nil {
		return nil, fmt.Errorf("list the starts of %s: %w", topic, err)
	}
	starts := map[int32]int64{}
	listed.Each(func(start kadm.ListedOffset) { starts[start.Partition] = start.Offset })
	return starts, nil
}

// storedOffsets returns the offsets up to which a service has stored the records of its dead-letter topic: those that its consumer group
// has committed. A partition without one is absent.
func storedOffsets(ctx context.Context, client *kadm.Client, service string) (map[int32]int64, error) {
	stored := map[int32]int64{}
	if service == "gateway" { // stores none
		return stored, nil
	}
	topic := event.DeadLetters(service)
	committed, err := client.FetchOffsetsForTopics(ctx, service, topic)
	if errors.Is(err, kerr.GroupIDNotFound) { // before the service's first start
		return stored, nil
	}
	if err == nil {
		err = committed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("read the offsets of the group %s: %w", service, err)
	}
	committed.Each(func(offset kadm.OffsetResponse) {
		if offset.Topic == topic && offset.At >= 0 {
			stored[offset.Partition] = offset.At
		}
	})
	return stored, nil
}
