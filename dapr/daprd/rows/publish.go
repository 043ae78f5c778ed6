package rows

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/dapr/components-contrib/pubsub"
)

// pageResult lists the rows of a page that were published or refused. A row in neither list stays in the table as it is.
type pageResult struct {
	published []int64
	refused   []refusal
}

// publishPage publishes a page in rounds. A round holds at most one row of each queue, so an event is sent only after the
// previous event of its queue is acknowledged. A round publishes to all its destinations at the same time.
func (r *relay) publishPage(ctx context.Context, page []row) pageResult {
	var result pageResult
	for rest := r.skipPublished(page, &result); len(rest) > 0; {
		var round map[destination][]row
		round, rest = r.nextRound(rest, &result)
		var publishers sync.WaitGroup
		attempts := make(chan attempt, len(round))
		for to, rows := range round {
			publishers.Go(func() { attempts <- attempt{to: to, rows: rows, failed: r.publishRows(ctx, to, rows)} })
		}
		publishers.Wait()
		close(attempts)
		for a := range attempts {
			r.recordAttempt(a, &result)
		}
	}
	return result
}

// skipPublished returns the rows that are still to be published. It adds the rows that an earlier turn published but
// could not delete to the result.
func (r *relay) skipPublished(page []row, result *pageResult) []row {
	rest := make([]row, 0, len(page))
	for _, row := range page {
		if _, ok := r.published[row.id]; ok {
			result.published = append(result.published, row.id)
			continue
		}
		rest = append(rest, row)
	}
	return rest
}

// nextRound returns the first row of each queue, by destination, and the rows for later rounds. It drops the rows of queues
// that are on hold.
func (r *relay) nextRound(rows []row, result *pageResult) (round map[destination][]row, rest []row) {
	round = map[destination][]row{}
	inRound := map[queue]bool{}
	for _, row := range rows {
		q := row.queue()
		switch {
		case row.problem != nil:
			result.refused = append(result.refused, refusal{row, row.problem})
		case r.holds.isHeld(q):
		case inRound[q]:
			rest = append(rest, row)
		default:
			inRound[q] = true
			round[row.to] = append(round[row.to], row)
		}
	}
	return round, rest
}

// attempt is one round's publish to one destination. failed has the error of each row that was not published.
type attempt struct {
	to     destination
	rows   []row
	failed map[int64]error
}

// recordAttempt adds the rows that were published or refused to the result, and puts the queues of the other rows on hold.
func (r *relay) recordAttempt(a attempt, result *pageResult) {
	now := time.Now()
	held, gaveUp := 0, false
	for _, row := range a.rows {
		err, failed := a.failed[row.id]
		if !failed {
			result.published = append(result.published, row.id)
			r.holds.releaseQueue(row.queue())
			traceDelay(row, now)
			continue
		}
		if r.isPermanent(err, a.to, now) || gaveUp && classify(err) == notAttempted {
			gaveUp = true
			result.refused = append(result.refused, refusal{row, err})
			continue
		}
		held++
		r.holds.holdQueue(row.queue(), now)
	}
	published := len(a.rows) - len(a.failed)
	r.metrics.countAttempts(a.to, published, len(a.failed))
	r.updateDestination(a, published, held, now)
}

// updateDestination puts a destination on hold when it accepted no row of the attempt, and releases it when it accepted
// one. It logs only the two changes.
func (r *relay) updateDestination(a attempt, published, held int, now time.Time) {
	if published > 0 {
		if away, wasHeld := r.holds.releaseDestination(a.to, now); wasHeld {
			log.Infof("%s: topic %s of %s accepts events again after %s", r.table.name, a.to.topic, a.to.pubsub, away.Round(time.Millisecond))
		}
		return
	}
	if held > 0 && r.holds.holdDestination(a.to, now) {
		log.Warnf("%s: topic %s of %s accepts no events, they wait in the table: %v", r.table.name, a.to.topic, a.to.pubsub, anyError(a.failed))
	}
}

func anyError(failed map[int64]error) error {
	for _, err := range failed {
		return err
	}
	return nil
}

// isPermanent reports whether no later attempt can publish the row.
func (r *relay) isPermanent(err error, to destination, now time.Time) bool {
	switch classify(err) {
	case rowRefused, topicRefused:
		return true
	case topicMissing:
		return r.holds.noteMissing(to, now)
	case brokerAway:
		r.holds.clearMissing(to)
		return false
	default:
		return false
	}
}

// publishRows sends rows to one destination and returns the error of each row that was not published. A broker that finds
// a batch too large refuses every row in it, so each refused row is sent again alone.
func (r *relay) publishRows(ctx context.Context, to destination, rows []row) map[int64]error {
	failed := r.sendBatch(ctx, to, rows)
	if len(rows) == 1 {
		return failed
	}
	for _, one := range rows {
		if classify(failed[one.id]) != rowRefused {
			continue
		}
		if err, still := r.sendBatch(ctx, to, []row{one})[one.id]; still {
			failed[one.id] = err
		} else {
			delete(failed, one.id)
		}
	}
	return failed
}

func (r *relay) sendBatch(ctx context.Context, to destination, rows []row) map[int64]error {
	request := &pubsub.BulkPublishRequest{PubsubName: to.pubsub, Topic: to.topic, Entries: make([]pubsub.BulkMessageEntry, len(rows))}
	for i, row := range rows {
		entry := pubsub.BulkMessageEntry{EntryId: strconv.FormatInt(row.id, 10), Event: row.record.Event, ContentType: row.record.ContentType}
		if row.record.Subject != "" {
			entry.Metadata = map[string]string{partitionKey: row.record.Subject}
		}
		request.Entries[i] = entry
	}
	response, err := r.publisher(ctx, request)
	failed := map[int64]error{}
	for _, entry := range response.FailedEntries {
		id, parseErr := strconv.ParseInt(entry.EntryId, 10, 64)
		if parseErr != nil {
			continue
		}
		failed[id] = entry.Error
		if entry.Error == nil {
			failed[id] = errors.Join(errNotPublished, err)
		}
	}
	if err != nil && len(failed) == 0 {
		for _, row := range rows {
			failed[row.id] = err
		}
	}
	return failed
}
