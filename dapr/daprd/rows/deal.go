package rows

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/dapr/components-contrib/pubsub"
)

// dealt is what became of a page; a row in neither list stays where it is.
type dealt struct {
	published []int64
	refused   []refusal
}

// deal publishes a page in rounds. A round holds at most one row of each line, so an event is sent only once the one
// before it is acknowledged; the destinations of a round are asked at the same time.
func (r *relay) deal(ctx context.Context, page []row) dealt {
	var done dealt
	for rest := r.unpublished(page, &done); len(rest) > 0; {
		var round map[destination][]row
		round, rest = r.nextRound(rest, &done)
		var wait sync.WaitGroup
		answers := make(chan answer, len(round))
		for to, rows := range round {
			wait.Go(func() { answers <- answer{to: to, rows: rows, failed: r.publish(ctx, to, rows)} })
		}
		wait.Wait()
		close(answers)
		for a := range answers {
			r.account(a, &done)
		}
	}
	return done
}

// unpublished leaves out what an earlier turn published and could not delete.
func (r *relay) unpublished(page []row, done *dealt) []row {
	rest := make([]row, 0, len(page))
	for _, row := range page {
		if _, ok := r.published[row.id]; ok {
			done.published = append(done.published, row.id)
			continue
		}
		rest = append(rest, row)
	}
	return rest
}

// nextRound takes the first row of every line, and drops for now what is held back.
func (r *relay) nextRound(rows []row, done *dealt) (round map[destination][]row, rest []row) {
	round = map[destination][]row{}
	taken := map[line]bool{}
	for _, row := range rows {
		line := row.line()
		switch {
		case row.problem != nil:
			done.refused = append(done.refused, refusal{row, row.problem})
		case r.holds.isHeld(line):
		case taken[line]:
			rest = append(rest, row)
		default:
			taken[line] = true
			round[row.to] = append(round[row.to], row)
		}
	}
	return round, rest
}

// answer is what a destination said to one round; failed has the error of each row that was not published.
type answer struct {
	to     destination
	rows   []row
	failed map[int64]error
}

// account turns answers into what to do with each row.
func (r *relay) account(a answer, done *dealt) {
	now := time.Now()
	kept, gaveUp := 0, false
	for _, row := range a.rows {
		err, failed := a.failed[row.id]
		if !failed {
			done.published = append(done.published, row.id)
			r.holds.releaseLine(row.line())
			traceDelay(row, now)
			continue
		}
		if r.isHopeless(err, a.to, now) || gaveUp && judge(err) == noAnswer {
			gaveUp = true
			done.refused = append(done.refused, refusal{row, err})
			continue
		}
		kept++
		r.holds.keepLine(row.line(), now)
	}
	taken := len(a.rows) - len(a.failed)
	r.metrics.count(a.to, taken, len(a.failed))
	r.report(a, taken, kept, now)
}

// report holds back a destination that took nothing of what it was asked, and says so once; and once when it is over.
func (r *relay) report(a answer, taken, kept int, now time.Time) {
	if taken > 0 {
		if away, held := r.holds.release(a.to, now); held {
			log.Infof("%s: topic %s of %s takes events again after %s", r.table.name, a.to.topic, a.to.pubsub, away.Round(time.Millisecond))
		}
		return
	}
	if kept > 0 && r.holds.keepDestination(a.to, now) {
		log.Warnf("%s: topic %s of %s takes no events, they wait: %v", r.table.name, a.to.topic, a.to.pubsub, anyError(a.failed))
	}
}

func anyError(failed map[int64]error) error {
	for _, err := range failed {
		return err
	}
	return nil
}

// isHopeless reports whether no later attempt can publish the row.
func (r *relay) isHopeless(err error, to destination, now time.Time) bool {
	switch judge(err) {
	case rowRefused, topicRefused:
		return true
	case topicMissing:
		return r.holds.isMissing(to, now)
	case brokerAway:
		r.holds.notMissing(to)
		return false
	default:
		return false
	}
}

// publish sends rows of one destination, and returns the error of each that was not taken. A broker that finds a whole
// batch too large names every row in it, so what it refuses is asked again by itself.
func (r *relay) publish(ctx context.Context, to destination, rows []row) map[int64]error {
	failed := r.send(ctx, to, rows)
	if len(rows) == 1 {
		return failed
	}
	for _, one := range rows {
		if judge(failed[one.id]) != rowRefused {
			continue
		}
		if err, still := r.send(ctx, to, []row{one})[one.id]; still {
			failed[one.id] = err
		} else {
			delete(failed, one.id)
		}
	}
	return failed
}

func (r *relay) send(ctx context.Context, to destination, rows []row) map[int64]error {
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
