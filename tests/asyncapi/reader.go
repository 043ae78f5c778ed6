package asyncapi

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/comanda/kafka"
)

// ViolationHeader marks a record that violates the contract on purpose, so that a test can see how a service handles it.
const ViolationHeader = "test-violation"

// Reader reads every record of every topic of a document and checks it.
type Reader struct {
	document *Document
	check    func(*kgo.Record) error
	client   *kgo.Client
	ended    chan struct{}

	mu     sync.Mutex
	events map[string]int             // by topic
	next   map[string]map[int32]int64 // the offset after the last record, by topic and partition
	wrong  []error
}

// Follow starts to read from the beginning of all topics, until Close. The Reader checks each event against the document and by check.
// The options say how to connect.
func (d *Document) Follow(check func(*kgo.Record) error, options ...kgo.Opt) (*Reader, error) {
	client, err := kgo.NewClient(append(options, kgo.ConsumeTopics(slices.Collect(maps.Keys(d.Channels))...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, err
	}
	r := &Reader{document: d, check: check, client: client, ended: make(chan struct{}),
		events: map[string]int{}, next: map[string]map[int32]int64{}}
	go func() {
		defer close(r.ended)
		for {
			fetches := client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(r.add)
		}
	}()
	return r, nil
}

// add checks a record and counts it. It does not check a record with ViolationHeader, and a dead letter only against the document.
func (r *Reader) add(record *kgo.Record) {
	onPurpose := slices.ContainsFunc(record.Headers, func(h kgo.RecordHeader) bool { return h.Key == ViolationHeader })
	var err error
	if !onPurpose || r.document.isDeadLetters(record.Topic) {
		err = r.document.Check(record)
	}
	if err == nil && !onPurpose && !r.document.isDeadLetters(record.Topic) {
		err = r.check(record)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events[record.Topic]++
	if r.next[record.Topic] == nil {
		r.next[record.Topic] = map[int32]int64{}
	}
	r.next[record.Topic][record.Partition] = record.Offset + 1
	if err != nil {
		r.wrong = append(r.wrong, fmt.Errorf("%w\nin %s: %s", err, record.Topic, record.Value))
	}
}

func (d *Document) isDeadLetters(topic string) bool {
	_, is := d.Channels[topic].Messages[deadLetter]
	return is
}

// Wait returns when every record that is on the broker now has been read, and ctx's error if that does not happen.
func (r *Reader) Wait(ctx context.Context) error {
	ends, err := kafka.EndOffsets(ctx, kadm.NewClient(r.client), slices.Collect(maps.Keys(r.document.Channels))...)
	if err != nil {
		return err
	}
	for {
		missing := r.missing(ends)
		if missing == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(missing, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// missing returns an error that names a partition which has not been read to its end; nil if there is none.
func (r *Reader) missing(ends kadm.ListedOffsets) (missing error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends.Each(func(end kadm.ListedOffset) {
		if read := r.next[end.Topic][end.Partition]; read < end.Offset {
			missing = fmt.Errorf("partition %d of %s: read %d of %d records", end.Partition, end.Topic, read, end.Offset)
		}
	})
	return missing
}

// Err returns an error that lists the first records that violate the document or failed the check; nil if there is none.
func (r *Reader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.wrong) == 0 {
		return nil
	}
	const shown = 5
	return fmt.Errorf("%d records violate docs/asyncapi.yaml: %w", len(r.wrong), errors.Join(r.wrong[:min(shown, len(r.wrong))]...))
}

// Events returns the number of records read so far, by topic.
func (r *Reader) Events() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.events)
}

// Close ends the reading.
func (r *Reader) Close() {
	r.client.Close()
	<-r.ended
}
