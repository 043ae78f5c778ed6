package groups

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// chance is a source of random numbers for several goroutines.
type chance struct {
	mu sync.Mutex
	*rand.Rand
}

func (c *chance) below(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.IntN(n)
}

// pause waits for less than the limit, or until ctx is done.
func (c *chance) pause(ctx context.Context, limit time.Duration) {
	select {
	case <-time.After(time.Duration(c.below(int(limit)))):
	case <-ctx.Done():
	}
}

// sendRandomly answers a group in any order, with gaps, forgotten and doubled statuses, and errors.
func (c *chance) sendRandomly(ctx context.Context, _ string, events []Event, answer func(int, string)) error {
	for range events {
		c.pause(ctx, 2*patience)
		for range c.below(3) {
			answer(c.below(len(events)+1), "SUCCESS")
		}
		if c.below(20) == 0 {
			return errors.New("connection reset")
		}
	}
	c.pause(ctx, 2*tail)
	return ctx.Err()
}

// However requests end and callers leave, each event gets a status or is delivered by itself, and no queue stays blocked.
func TestNoEventIsLostAndNoQueueStaysTaken(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &chance{Rand: rand.New(rand.NewPCG(seed, 1))}
				queues := NewQueues(c.sendRandomly)
				var partitions sync.WaitGroup
				for partition := range 16 {
					partitions.Go(func() {
						for number := range 40 {
							deliverUntilDone(t, c, queues, fmt.Sprintf("%d-%d", partition, number))
						}
					})
				}
				partitions.Wait()
				time.Sleep(time.Minute) // the last responses end
				synctest.Wait()
				if q := queues.queues["/events"]; q.current != nil || len(q.waiting) > 0 {
					t.Errorf("in the end: got a group under way: %v, and %d events that wait, want none", q.current != nil, len(q.waiting))
				}
			})
		})
	}
}

// deliverUntilDone delivers an event again and again until it is not cancelled.
func deliverUntilDone(t *testing.T, c *chance, queues *Queues, name string) {
	for range 1000 {
		c.pause(t.Context(), time.Duration(1+c.below(int(patience))))
		ctx, cancel := context.WithCancel(t.Context())
		if c.below(2) == 0 {
			ctx, cancel = context.WithTimeout(t.Context(), time.Duration(1+c.below(int(8*patience))))
		}
		sentAlone := false
		status, err := queues.Deliver(ctx, "/events", Event{Data: []byte(name)}, func() error {
			sentAlone = true
			c.pause(ctx, 2*patience)
			return ctx.Err()
		})
		cancel()
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			continue
		case err != nil || (status == "") != sentAlone:
			t.Errorf("delivery of %s: got status %q, sent by itself %v and error %v", name, status, sentAlone, err)
		}
		return
	}
	t.Errorf("delivery of %s: cancelled 1000 times: its queue stays blocked", name)
}
