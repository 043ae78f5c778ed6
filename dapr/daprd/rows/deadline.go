package rows

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// deadlines is a tracer of pgx that gives every statement of a connection a deadline: pgx runs a statement with the context that
// its tracer returns. After the deadline pgx closes the connection.
type deadlines struct{}

type cancelKey struct{}

// TraceQueryStart begins the deadline of a statement.
func (deadlines) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	return context.WithValue(ctx, cancelKey{}, cancel)
}

// TraceQueryEnd ends the deadline of a statement.
func (deadlines) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if cancel, ok := ctx.Value(cancelKey{}).(context.CancelFunc); ok {
		cancel()
	}
}
