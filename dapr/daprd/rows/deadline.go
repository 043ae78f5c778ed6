package rows

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// deadlines is a tracer of pgx that gives every statement of a connection a deadline, and every batch of statements: pgx runs them
// with the context that its tracer returns. After the deadline pgx closes the connection.
type deadlines struct{}

type cancelKey struct{}

// TraceQueryStart begins the deadline of a statement.
func (deadlines) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return beginDeadline(ctx)
}

// TraceQueryEnd ends the deadline of a statement.
func (deadlines) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	endDeadline(ctx)
}

// TraceBatchStart begins the deadline of a batch.
func (deadlines) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return beginDeadline(ctx)
}

// TraceBatchQuery does nothing. The interface needs it.
func (deadlines) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd ends the deadline of a batch.
func (deadlines) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	endDeadline(ctx)
}

func beginDeadline(ctx context.Context) context.Context {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

func endDeadline(ctx context.Context) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}
