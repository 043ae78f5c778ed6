package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// The pause before ensureFirstAdmin tries again doubles from adminFirstPause to adminLastPause.
const (
	adminFirstPause = 200 * time.Millisecond
	adminLastPause  = 10 * time.Second
)

// firstAdmin holds the credentials of the first admin. Only an admin can grant roles, so the first one comes from settings.
type firstAdmin struct {
	Email    string `env:"ADMIN_EMAIL"`
	Password string `env:"ADMIN_PASSWORD"`
}

// registration returns the first admin's registration, or nil when no admin is configured. Its errors name the settings.
func (a firstAdmin) registration() (*Registration, error) {
	switch {
	case a.Email == "" && a.Password == "":
		return nil, nil
	case a.Email == "":
		return nil, errors.New("ADMIN_PASSWORD is set but ADMIN_EMAIL is not: set both or neither")
	case a.Password == "":
		return nil, errors.New("ADMIN_EMAIL is set but ADMIN_PASSWORD is not: set both or neither")
	}
	checked, err := Registration{Email: a.Email, Password: a.Password, Name: adminName}.check(
		func(password, _, _ string) (string, string) { return preparePassword(password) })
	if err == nil {
		return &checked, nil
	}
	var wrong []string
	for _, field := range fault.From(err).Fields {
		wrong = append(wrong, "ADMIN_"+strings.ToUpper(field.Field)+" "+field.Message)
	}
	return nil, errors.New(strings.Join(wrong, "; "))
}

// adminName is the name of the first admin's profile.
const adminName = "Administrator"

// warnOfWeakPassword logs a warning if the password is easy to guess. It does not stop the service: the account may exist already,
// and then the setting has no effect.
func (a firstAdmin) warnOfWeakPassword(log *slog.Logger) {
	if a.Password == "" {
		return
	}
	if _, problem := checkPassword(a.Password, a.Email, adminName); problem != "" {
		log.Warn("the password of the first admin is weak: set another ADMIN_PASSWORD before the first start", "reason", "it "+problem)
	}
}

// ensureFirstAdmin registers the first admin like any other account, and tries again until an account with the e-mail is ACTIVE. It also
// repeats a registration that was rejected, such as one that user did not answer in time.
func (s service) ensureFirstAdmin(ctx context.Context, wanted Registration) {
	pause, logged := adminFirstPause, ""
	for {
		done, err := s.tryFirstAdmin(ctx, wanted)
		if done || ctx.Err() != nil {
			return
		}
		if err != nil && err.Error() != logged {
			logged = err.Error()
			s.log.Warn("registration of the first admin failed; it will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, adminLastPause)
	}
}

// tryFirstAdmin reports whether an ACTIVE account with the admin's e-mail exists. It registers one unless an account with that
// e-mail is PENDING or ACTIVE.
func (s service) tryFirstAdmin(ctx context.Context, wanted Registration) (done bool, err error) {
	account, err := s.accountByEmail(ctx, wanted.Email)
	switch {
	case err != nil && !fault.Is(err, fault.KindNotFound):
		return false, err
	case err == nil && account.Status == Active:
		if !account.isAdmin() { // a stranger may have registered this e-mail first: do not make that account an admin
			s.log.Warn("ADMIN_EMAIL belongs to an account that is not an admin; nothing was changed: set another e-mail")
		}
		return true, nil
	case err == nil && account.Status == Pending:
		return false, nil
	}
	ctx, span := telemetry.StartSpan(ctx, "register the first admin", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	_, err = s.createAccount(ctx, "", wanted, uuid.NewString(), token.Customer, token.Admin)
	if fault.Is(err, fault.KindConflict) { // another replica registered it first, or the account is SUSPENDED or DELETING
		return false, nil
	}
	return false, err
}
