package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// unreachable recognises the errors of a dependency that is away, starting, stopping or too slow: network errors,
// time-outs, gRPC's Unavailable, and Postgres' own classes for them
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func unreachable(err error) bool {
	var op *net.OpError
	var timeout interface{ Timeout() bool }
	var sql interface{ SQLState() string }
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true
	case errors.As(err, &op):
		return true
	case errors.As(err, &timeout) && timeout.Timeout():
		return true
	case errors.As(err, &sql):
		return busyOrAway(sql.SQLState())
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}

// busyOrAway: 08 connection exception, 53 insufficient resources, 57 operator intervention (shutdown, statement
// time-out), 55P03 lock not available, 40 transaction rollback (deadlock, serialisation).
func busyOrAway(state string) bool {
	for _, class := range []string{"08", "53", "57", "55P03", "40"} {
		if strings.HasPrefix(state, class) {
			return true
		}
	}
	return false
}
