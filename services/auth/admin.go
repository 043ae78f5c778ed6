package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// adminPauses are how long the first admin's registration waits before it looks again.
const (
	adminFirstPause = 200 * time.Millisecond
	adminLastPause  = 10 * time.Second
)

// firstAdmin is who can give roles to others. Without one nobody ever could.
type firstAdmin struct {
	Email    string `env:"ADMIN_EMAIL"`
	Password string `env:"ADMIN_PASSWORD"`
}

// registration returns what the first admin would have sent; nil when no admin is wanted. The errors speak of settings.
func (a firstAdmin) registration() (*Registration, error) {
	switch {
	case a.Email == "" && a.Password == "":
		return nil, nil
	case a.Email == "":
		return nil, errors.New("ADMIN_PASSWORD is set but ADMIN_EMAIL is not: set both or neither")
	case a.Password == "":
		return nil, errors.New("ADMIN_EMAIL is set but ADMIN_PASSWORD is not: set both or neither")
	}
	checked, err := Registration{Email: a.Email, Password: a.Password, Name: "Administrator"}.Check()
	if err == nil {
		return &checked, nil
	}
	var wrong []string
	for _, field := range fault.From(err).Fields {
		wrong = append(wrong, "ADMIN_"+strings.ToUpper(field.Field)+" "+field.Message)
	}
	return nil, errors.New(strings.Join(wrong, "; "))
}

// admit registers the first admin in the ordinary way, unless there is an account with that e-mail, and looks again until it
// is settled: a registration that failed because user was away is made anew.
func (s service) admit(ctx context.Context, wanted Registration) {
	pause, said := adminFirstPause, ""
	for {
		settled, err := s.admitOnce(ctx, wanted)
		if settled || ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != said {
			said = err.Error()
			s.log.Warn("the first admin cannot be registered yet, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, adminLastPause)
	}
}

// admitOnce says whether there is an ACTIVE account with the admin's e-mail, and registers one when there is none at all.
func (s service) admitOnce(ctx context.Context, wanted Registration) (settled bool, err error) {
	account, err := s.byEmail(ctx, wanted.Email)
	switch {
	case err != nil && !fault.Is(err, fault.KindNotFound):
		return false, err
	case err == nil && account.Status == Active:
		if !account.isAdmin() { // who registered it first is not made an admin by a setting
			s.log.Warn("ADMIN_EMAIL belongs to an account that is no admin: nothing was changed")
		}
		return true, nil
	case err == nil && account.Status == Pending:
		return false, nil
	}
	ctx, span := telemetry.StartSpan(ctx, "register the first admin", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	_, err = s.enrol(ctx, wanted, uuid.NewString(), token.Customer, token.Admin)
	if fault.Is(err, fault.KindConflict) { // another replica was faster
		return false, nil
	}
	return false, err
}
