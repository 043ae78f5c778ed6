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
	client *kgo.Client
	ended  chan struct{}

	mu          sync.Mutex
	seen        map[string]bool // by topic and event id
	all         int
	duplicates  int
	deadLetters int64
}

// countEvents reads all topics until close.
func countEvents(options ...kgo.Opt) (*eventCount, error) {
	client, err := kgo.NewClient(append(options, kgo.ConsumeTopics(event.Declared()...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		return nil, err
	}
	c := &eventCount{client: client, ended: make(chan struct{}), seen: map[string]bool{}}
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
	return c, nil
}

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

func (c *eventCount) close() {
	c.client.Close()
	<-c.ended
}
