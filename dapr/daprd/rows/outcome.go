package rows

import (
	"errors"
	"time"
)

// errNotTried is the outcome of a row whose publish was not attempted: an earlier row of its queue failed, or the turn was over.
var errNotTried = errors.New("not tried")

// outcome is the result of a row's publish.
type outcome struct {
	row row
	err error // nil: published
	at  time.Time
}

// isRefused reports whether the row itself is at fault.
func (o outcome) isRefused() bool {
	return o.row.problem != nil || o.err != nil && classify(o.err) == rowRefused
}

// pageResult lists the rows of a page that were published or refused. A row in neither list stays in the table as it is.
type pageResult struct {
	published []identity
	refused   []refusal
}

// refusal is a row that no broker will ever accept.
type refusal struct {
	row    row
	reason error
}

// tally counts the outcomes of one destination.
type tally struct {
	published, failed int
	retried, released int  // rows that were on hold, and those of them that are published or set aside now
	invalid, missing  bool // the broker refuses the topic; the topic does not exist, for longer than its grace
}

func (t *tally) isGone() bool { return t.invalid || t.missing }

// recordOutcomes returns what to do with the rows of a page. It puts the queues of rows that failed on hold, ends the holds of the others,
// and makes the relay read again rows that were not tried.
func (r *relay) recordOutcomes(outcomes []outcome) pageResult {
	var result pageResult
	now := time.Now()
	tallies := r.tallyOutcomes(outcomes, now)
	for _, o := range outcomes {
		t := tallies[o.row.to]
		if r.holds.queues[o.row.queue()] != nil && !errors.Is(o.err, errNotTried) {
			t.retried++
		}
		switch {
		case o.err == nil:
			t.published++
			t.released += r.endHold(o.row.queue(), now)
			result.published = append(result.published, o.row.identity())
			traceDelay(o.row, o.at)
		case errors.Is(o.err, errNotTried):
			if !r.holds.leaveOut(o.row) {
				r.holds.rescan(o.row.id)
			}
		case o.isRefused() || t.isGone() && isTopicsFault(o.err):
			t.failed++
			if r.holds.queues[o.row.queue()] != nil {
				r.holds.release(o.row.queue(), now)
				t.released++
			}
			result.refused = append(result.refused, refusal{o.row, o.err})
		default:
			t.failed++
			if r.holds.putOnHold(o.row, now) {
				log.Warnf("%s: topic %s of %s does not accept all events, the others wait in the table: %v", r.table.name, o.row.to.topic, o.row.to.pubsub, o.err)
			}
		}
	}
	for to, t := range tallies {
		r.metrics.countAttempts(to, t.published, t.failed)
		switch {
		case t.released > 0:
			r.holds.resume(to, now)
		case t.retried > 0:
			r.holds.backOff(to, now)
		}
	}
	return result
}

// tallyOutcomes returns a tally for each destination. It also decides which topics are gone, because that concerns even the rows that the
// client did not send.
func (r *relay) tallyOutcomes(outcomes []outcome, now time.Time) map[destination]*tally {
	tallies := map[destination]*tally{}
	exists := map[destination]bool{}
	for _, o := range outcomes {
		t := tallies[o.row.to]
		if t == nil {
			t = &tally{}
			tallies[o.row.to] = t
		}
		if o.row.problem != nil || errors.Is(o.err, errNotTried) {
			continue
		}
		switch classify(o.err) {
		case topicRefused:
			t.invalid = true
		case topicMissing:
			t.missing = r.holds.noteMissing(o.row.to, now) || t.missing
		case accepted, brokerAway:
			exists[o.row.to] = true
		}
	}
	for to := range exists {
		r.holds.clearMissing(to)
		tallies[to].missing = false
	}
	return tallies
}

// isTopicsFault reports whether an error concerns all rows of a topic that is gone. After the first few such errors the client's circuit
// breaker opens, and its own error counts too.
func isTopicsFault(err error) bool {
	verdict := classify(err)
	return verdict == topicRefused || verdict == topicMissing || verdict == notAttempted
}

// endHold ends the hold of a queue and logs the end of its destination's trouble. It returns how many holds it ended.
func (r *relay) endHold(q queue, now time.Time) int {
	if r.holds.queues[q] == nil {
		return 0
	}
	if lasted, wasLast := r.holds.release(q, now); wasLast {
		log.Infof("%s: topic %s of %s accepts all events again after %s", r.table.name, q.to.topic, q.to.pubsub, lasted.Round(time.Millisecond))
	}
	return 1
}

// recordLate records the outcomes of publishes that outlived their turn.
func (r *relay) recordLate() {
	for {
		select {
		case o := <-r.late:
			r.recordLateOutcome(o)
		default:
			r.holds.tidy()
			return
		}
	}
}

// recordLateOutcome records the outcome of a publish that outlived its turn. A row is set aside only inside a turn. So a refused row is put
// on hold; its next turn publishes it once more, and sets it aside when the broker refuses it again.
func (r *relay) recordLateOutcome(o outcome) {
	result := r.recordOutcomes([]outcome{o})
	r.holds.land(o.row)
	r.rememberPublished(result.published)
	for _, refusal := range result.refused {
		r.holds.putOnHold(refusal.row, time.Now())
	}
}
