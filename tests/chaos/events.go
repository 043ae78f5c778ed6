package chaos

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
)

// eventCount counts the events on the broker, those that were published more than once, and the dead letters.
type eventCount struct {
	options []kgo.Opt
	client  *kgo.Client
	ended   chan struct{}

	mu          sync.Mutex
	seen        map[string]bool // by topic and event id
	all         int
	duplicates  int
	deadLetters int64
}

// countEvents starts to read all topics.
func countEvents(options ...kgo.Opt) (*eventCount, error) {
	c := &eventCount{seen: map[string]bool{},
		options: append(options, kgo.ConsumeTopics(event.Declared()...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))}
	return c, c.follow()
}

// follow starts to read all topics from their start. What was counted before pause stays counted.
func (c *eventCount) follow() error {
	client, err := kgo.NewClient(c.options...)
	if err != nil {
		return err
	}
	c.client, c.ended = client, make(chan struct{})
	go func() {
		defer close(c.ended)
		for {
			fetches := client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(c.add)
		}
	}()
	return nil
}

// add counts a record, unless it is neither an event nor a dead letter.
func (c *eventCount) add(record *kgo.Record) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if strings.HasSuffix(record.Topic, ".dead-letters") {
		c.deadLetters++
		return
	}
	var e struct{ ID string }
	if json.Unmarshal(record.Value, &e) != nil {
		return
	}
	c.all++
	if name := record.Topic + " " + e.ID; c.seen[name] {
		c.duplicates++
	} else {
		c.seen[name] = true
	}
}

// pause ends the reading until follow: the offsets of a broker that has lost its data start again.
func (c *eventCount) pause() {
	c.client.Close()
	<-c.ended
}
