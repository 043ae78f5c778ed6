package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// isUnreachable reports whether err comes from a dependency that is away, starting, stopping or too slow: network errors,
// timeouts, no connection to Postgres that accepts writes, gRPC's codes for these, and the corresponding error classes of Postgres
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func isUnreachable(err error) bool {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	var sql interface{ SQLState() string }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &op), errors.As(err, new(*pgconn.ConnectError)):
		return true
	case errors.As(err, &timeout) && timeout.Timeout():
		return true
	case pgconn.SafeToRetry(err): // nothing was sent, for example because the connection was closed since the last statement
		return true
	case errors.As(err, &sql):
		return isTemporary(sql.SQLState())
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}

// isTemporary reports whether Postgres is busy or away: 08 connection exception, 53 insufficient resources (53100: the disk is
// full), 57 operator intervention (shutdown, statement timeout), 55P03 lock not available, 40 transaction rollback (deadlock,
// serialisation), 25006 read-only (a standby), 25P03 an idle transaction that Postgres ended, 58 system error (such as an I/O error).
func isTemporary(state string) bool {
	for _, class := range []string{"08", "53", "57", "55P03", "40", "25006", "25P03", "58"} {
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	return false
}
