package recovery

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// leaseTime is how long a lease lasts, by the database's clock. So a frozen replica does not keep the others from working for longer.
	leaseTime = 15 * time.Second
	// roundTime is the deadline of the work under a lease, by the replica's clock. It is shorter, so that a replica stops before its lease ends.
	roundTime = 12 * time.Second
	// releaseTimeout limits the statement that gives a lease back. If it fails, the lease ends by itself.
	releaseTimeout = 2 * time.Second
)

// The names of the leases.
const (
	Lease               = "recovery"       // of the replica that announces overdue aggregates again and gives them up
	ReconciliationLease = "reconciliation" // of the replica that reconciles what the service holds
)

// RunExclusively takes the lease called name, runs work, and gives the lease back. While another replica has the lease, work does not
// run. ran reports whether it ran. The context of work ends before the lease does. But a replica that was frozen for longer may
// still finish its last write, so each write must be correct without the lease: documents are written with their ETag.
func RunExclusively(ctx context.Context, pool *pgxpool.Pool, name string, work func(context.Context) error) (ran bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, roundTime) // begins before the lease, so it also ends before the lease
	defer cancel()
	holder := uuid.New()
	tag, err := pool.Exec(ctx, `insert into leases as l (name, holder, until) values ($1, $2, clock_timestamp() + $3::interval)
		on conflict (name) do update set holder = excluded.holder, until = excluded.until where l.until <= clock_timestamp()`,
		name, holder, leaseTime)
	if err != nil || tag.RowsAffected() == 0 {
		return false, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
		defer cancel()
		_, _ = pool.Exec(ctx, `update leases set until = '-infinity' where name = $1 and holder = $2`, name, holder)
	}()
	return true, work(ctx)
}
