package rows

import (
	"context"
	"errors"
	"time"

	"github.com/dapr/components-contrib/pubsub"
)

// publishLimit is how long a turn may publish after its rows were read. No row is sent later. So a relay that was frozen sends no further
// rows when it thaws: Postgres may have given the turn to another relay meanwhile (idleLimit).
const publishLimit = 3 * time.Second

// publishPage publishes rows until publishLimit after began, the time just before they were read. It sends the rows of a queue one after
// the other, each after the acknowledgement of the one before. Queues are published concurrently, so none waits for another. A publish
// without an answer by then is in flight: in later turns its queue waits for the answer.
func (r *relay) publishPage(ctx context.Context, page []row, began time.Time) []outcome {
	queues := map[queue][]row{}
	for _, row := range page {
		queues[row.queue()] = append(queues[row.queue()], row)
	}
	turnEnd := began.Add(publishLimit)
	answers := make(chan outcome, len(page)) // with room for all, because nothing may read it after the turn
	for _, rows := range queues {
		go r.publishQueue(context.WithoutCancel(ctx), rows, turnEnd, answers)
	}
	outcomes := make([]outcome, 0, len(page))
	timer := time.NewTimer(time.Until(turnEnd))
	defer timer.Stop()
	for len(outcomes) < len(page) {
		select {
		case o := <-answers:
			outcomes = append(outcomes, o)
		case <-timer.C:
			r.leaveInFlight(ctx, page, outcomes, answers)
			return outcomes
		}
	}
	return outcomes
}

// publishQueue sends the rows of one queue, and reports one outcome for each. A failure stops the queue, unless the row itself is
// at fault.
func (r *relay) publishQueue(ctx context.Context, rows []row, turnEnd time.Time, answers chan<- outcome) {
	stopped := false
	for _, row := range rows {
		o := outcome{row: row, err: errNotTried}
		switch {
		case row.problem != nil:
			o.err = row.problem
		case !stopped && time.Now().Before(turnEnd):
			o.err = r.publish(ctx, row)
			stopped = o.err != nil && !o.isRefused()
		}
		o.at = time.Now()
		answers <- o
	}
}

// publish sends one row. It returns when the broker has acknowledged the row, or the client has given up.
func (r *relay) publish(ctx context.Context, row row) error {
	entry := pubsub.BulkMessageEntry{EntryId: row.key, Event: row.record.Event, ContentType: row.record.ContentType}
	if row.record.Subject != "" {
		entry.Metadata = map[string]string{partitionKey: row.record.Subject}
	}
	response, err := r.publisher(ctx, &pubsub.BulkPublishRequest{
		PubsubName: row.to.pubsub, Topic: row.to.topic, Entries: []pubsub.BulkMessageEntry{entry},
	})
	for _, failed := range response.FailedEntries {
		if failed.Error != nil {
			return failed.Error
		}
		return errors.Join(errNotPublished, err)
	}
	return err
}

// leaveInFlight marks those rows of the page that have no outcome yet as in flight, delays the next retry of their destinations, and passes
// the outcomes to the relay when they arrive.
func (r *relay) leaveInFlight(ctx context.Context, page []row, outcomes []outcome, answers <-chan outcome) {
	answered := map[identity]bool{}
	for _, o := range outcomes {
		answered[o.row.identity()] = true
	}
	slow := map[destination]bool{}
	for _, row := range page {
		if !answered[row.identity()] {
			r.holds.takeOff(row)
			slow[row.to] = true
		}
	}
	for to := range slow {
		r.holds.backOff(to, time.Now())
		log.Debugf("%s: topic %s of %s has not answered within %s", r.table.name, to.topic, to.pubsub, publishLimit)
	}
	go func() {
		for range len(page) - len(outcomes) {
			o := <-answers
			select {
			case r.late <- o:
			case <-ctx.Done(): // the relay has stopped
				return
			}
		}
	}()
}
