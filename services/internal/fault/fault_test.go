package fault_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"comanda/services/internal/fault"
)

func TestFromFindsTheKindOfAWrappedError(t *testing.T) {
	err := fmt.Errorf("load: %w", fault.NotFound("order %s", "7"))
	if got := fault.From(err); got.Kind != fault.KindNotFound || got.Message != "order 7" {
		t.Fatalf("got kind %v, message %q, want NotFound, \"order 7\"", got.Kind, got.Message)
	}
}

func TestFromTellsUnavailableFromInternal(t *testing.T) {
	for name, tc := range map[string]struct {
		err  error
		want fault.Kind
	}{
		"a plain error":        {errors.New("boom"), fault.KindInternal},
		"a unique violation":   {&pgconn.PgError{Code: "23505"}, fault.KindInternal},
		"a deadline":           {context.DeadlineExceeded, fault.KindUnavailable},
		"connection refused":   {fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: errors.New("refused")}), fault.KindUnavailable},
		"admin shutdown":       {&pgconn.PgError{Code: "57P01"}, fault.KindUnavailable},
		"a full disk":          {&pgconn.PgError{Code: "53100"}, fault.KindUnavailable},
		"a read-only server":   {&pgconn.PgError{Code: "25006"}, fault.KindUnavailable},
		"an I/O error":         {&pgconn.PgError{Code: "58030"}, fault.KindUnavailable},
		"frozen too long":      {&pgconn.PgError{Code: "25P03"}, fault.KindUnavailable},
		"no writable server":   {&pgconn.ConnectError{}, fault.KindUnavailable},
		"too many connections": {&pgconn.PgError{Code: "53300"}, fault.KindUnavailable},
		"sidecar away":         {fmt.Errorf("state: %w", status.Error(codes.Unavailable, "x")), fault.KindUnavailable},
		"sidecar says invalid": {status.Error(codes.InvalidArgument, "x"), fault.KindInternal},
	} {
		if got := fault.From(tc.err); got.Kind != tc.want {
			t.Errorf("%s: got %v, want %v", name, got.Kind, tc.want)
		}
	}
}

func TestInternalMessagesHideTheCause(t *testing.T) {
	got := fault.From(errors.New("password=hunter2"))
	if got.Message != "something went wrong on our side" {
		t.Fatalf("got message %q, want the general one", got.Message)
	}
}
