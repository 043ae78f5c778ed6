package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
)

// Quota limits how often an account may try to change its phone number.
type Quota struct {
	PhoneChanges int `env:"PHONE_CHANGES_PER_DAY" envDefault:"5"` // attempts within 24 hours, refused ones included
}

// Check returns an error unless a number can be changed.
func (q Quota) Check() error {
	if q.PhoneChanges < 1 {
		return errors.New("PHONE_CHANGES_PER_DAY must be 1 or more")
	}
	return nil
}

// countPhoneChange counts an attempt of the account id to change its number, if edit is one. It returns Limited when the account
// has used its attempts. One statement counts and decides, so attempts at the same time are not admitted together. The attempt
// stays counted when the edit fails.
func (s service) countPhoneChange(ctx context.Context, id string, edit Edit) error {
	if edit.Phone.value == nil {
		return nil
	}
	profile, err := s.documents.Get(ctx, id)
	switch {
	case fault.Is(err, fault.KindNotFound):
		return noProfile()
	case err != nil:
		return err
	case profile.Phone == *edit.Phone.value:
		return nil
	}
	var attempts int
	err = s.pool.QueryRow(ctx, `
		insert into phone_changes as counted (account, since, attempts) values ($1, now(), 1)
		on conflict (account) do update set
			since    = case when counted.since <= now() - interval '24 hours' then now() else counted.since end,
			attempts = case when counted.since <= now() - interval '24 hours' then 1 else counted.attempts + 1 end
		where counted.since <= now() - interval '24 hours' or counted.attempts < $2
		returning attempts`, id, s.quota.PhoneChanges).Scan(&attempts)
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	var seconds float64
	if err := s.pool.QueryRow(ctx, `select extract(epoch from since + interval '24 hours' - now())::float8 from phone_changes
		where account = $1`, id).Scan(&seconds); err != nil {
		return fmt.Errorf("read the attempts to change a phone number: %w", err)
	}
	return fault.Limited(max(time.Second, time.Duration(seconds*float64(time.Second))),
		"a phone number can be changed %d times in 24 hours", s.quota.PhoneChanges)
}

// forgetPhoneChanges removes the attempts of the account id to change its number.
func (s service) forgetPhoneChanges(ctx context.Context, id string) error {
	if _, err := s.pool.Exec(ctx, `delete from phone_changes where account = $1`, id); err != nil {
		return fmt.Errorf("remove the attempts to change a phone number: %w", err)
	}
	return nil
}
