package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// clientTimeout is the deadline of a statement on the client. The server ends a statement earlier. So this deadline passes only when the
// network loses all packets, and then pgx closes the connection.
const clientTimeout = statementTimeout + time.Second

// deadlines is a tracer of pgx that gives every statement and every batch of statements a deadline on the client. pgx runs them with the
// context that its tracer returns.
type deadlines struct{}

type (
	cancelKey    struct{}
	unlimitedKey struct{}
)

// Unlimited returns a context without the deadline of clientTimeout, for long statements such as those of migrations. The limit of the
// server still applies, unless the session lifts it.
func Unlimited(ctx context.Context) context.Context {
	return context.WithValue(ctx, unlimitedKey{}, true)
}

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
	if ctx.Value(unlimitedKey{}) != nil {
		return ctx
	}
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

func endDeadline(ctx context.Context) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}
