package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comanda/tests/client"
)

// restore is the return of a service's database to an older copy. Nothing else knows what the service alone did between the two times.
type restore struct {
	service string
	from    time.Time // when the copy was made
	to      time.Time // when the copy replaced the database; zero until then
}

// restoreKind begins the names of the kinds that restore a database.
const restoreKind = "restore the database of "

const (
	// beforeCopy is the longest time that an aggregate's events take: an aggregate that began this long before the copy may be incomplete
	// in it.
	beforeCopy = 20 * time.Second
	// afterCopy is the time after a restore in which the service starts again, and requests from before are answered.
	afterCopy = 20 * time.Second
)

// covers reports whether something that began at a time may be incomplete in the copy.
func (r restore) covers(at time.Time) bool {
	return at.After(r.from.Add(-beforeCopy)) && (r.to.IsZero() || at.Before(r.to.Add(afterCopy)))
}

// mayLack reports whether the copy may lack what was made between two times, and the restore may have removed it.
func (r restore) mayLack(begun, made time.Time) bool {
	return !made.Before(r.from) && (r.to.IsZero() || begun.Before(r.to.Add(afterCopy)))
}

// restoreDatabase returns a fault that copies a service's database, lets the customers go on, and restores the copy. Then it kills the
// service and its sidecars, so that the supervisor restarts them, as docs/operations.md demands.
func (s *scene) restoreDatabase(service string) func(*rand.Rand) fault {
	return func(*rand.Rand) fault {
		file := filepath.Join(s.copies, service+".dump")
		return fault{
			target: service, lasts: s.durations.disturbed,
			begin: func(ctx context.Context) error {
				s.load.beginRestore(service)
				return s.sys.DumpDatabase(ctx, service, file)
			},
			end: func(ctx context.Context) error {
				err := s.sys.RestoreDatabase(ctx, service, file)
				for _, pair := range s.sys.Replicas(service) {
					for _, program := range pair.Programs() {
						program.Kill()
					}
				}
				s.load.endRestore(ctx)
				return err
			},
		}
	}
}

// beginRestore records a restore. It first waits until every operation on the scarce dish has ended, and stops further ones until
// endRestore.
func (l *load) beginRestore(service string) {
	l.stock.begun.Lock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.restores = append(l.restores, restore{service: service, from: time.Now()})
}

// endRestore records the end of the restore, and has the cook repeat the deliveries that a restored database of the service order no longer
// knows: only people know of these.
func (l *load) endRestore(ctx context.Context) {
	l.mu.Lock()
	last := &l.restores[len(l.restores)-1]
	last.to = time.Now()
	var again []string
	for id, at := range l.delivered {
		if last.service == "order" && last.covers(at) {
			again = append(again, id)
		}
	}
	l.mu.Unlock()
	l.stock.begun.Unlock()
	for _, id := range again {
		l.clients.Go(func() {
			if l.decided(ctx, id).Status != "" {
				l.deliver(ctx, id)
			}
		})
	}
}

// lost reports whether a service may have forgotten what it accepted at a time, because its database was restored. A response may arrive up
// to a second after the restore. The caller holds l.mu.
func (l *load) lost(service string, at time.Time) bool {
	for _, r := range l.restores {
		if r.service == service && !at.Before(r.from) && (r.to.IsZero() || at.Before(r.to.Add(time.Second))) {
			return true
		}
	}
	return false
}

// isForgotten reports whether a path names an order that a restored database may have lost.
func (l *load) isForgotten(path string) bool {
	parts := strings.Split(path, "/")
	if len(parts) < 3 || parts[1] != "orders" {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	order, accepted := l.accepted[parts[2]]
	return accepted && l.lost("order", order.at)
}

// excuses reports whether nothing can mend a disagreement about an aggregate after a restore (docs/reliability.md):
//
//   - The orders that the service order accepted after the copy are lost; product knows some of them.
//   - An order that has ended is not announced again, and product may have forgotten its reservation.
//   - Auth has no personal data from which user could create a profile again.
func (l *load) excuses(id, detail string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	order := l.accepted[id]
	for _, r := range l.restores {
		switch r.service {
		case "order":
			if l.lost("order", order.at) && strings.Contains(detail, "does not exist") {
				return true
			}
		case "product":
			ended := slices.ContainsFunc([]string{client.Cancelled, client.Rejected, client.Delivered}, func(status string) bool {
				return strings.Contains(detail, "is "+status)
			})
			if (r.covers(order.at) || r.covers(l.delivered[id])) && ended && strings.Contains(detail, `reservation is ""`) {
				return true
			}
		case "user":
			if r.mayLack(l.accounts[id], l.activated[id]) && strings.Contains(detail, `profile is ""`) {
				return true
			}
		}
	}
	return false
}

// mayBeForgotten reports whether a restored database may lack an aggregate, so that an event about it can never be handled.
func (l *load) mayBeForgotten(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.restores {
		if r.covers(l.accepted[id].at) || r.covers(l.delivered[id]) || r.covers(l.accounts[id]) || r.mayLack(l.accounts[id], l.activated[id]) {
			return true
		}
	}
	return false
}

// enableRestores sets the folder of the copies. It returns an error if this machine cannot make copies.
func (s *scene) enableRestores(dir string) error {
	if err := s.sys.Postgres.CanDump(); err != nil {
		return fmt.Errorf("restore a database: %w", err)
	}
	s.copies = dir
	return nil
}
