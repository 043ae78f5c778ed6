package main

import (
	"errors"
	"time"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/timeline"
)

// Status is a state in the life of a profile.
type Status string

// A profile is created ACTIVE or REJECTED, and auth may cancel either, or have it erased. Clients see only ACTIVE profiles. The
// others are tombstones: they hold the outcome and no personal data.
const (
	Active    Status = "ACTIVE"
	Rejected  Status = "REJECTED"
	Cancelled Status = "CANCELLED"
	Erased    Status = "ERASED"
)

// Profile is a person's data, under the id of their account.
type Profile struct {
	ID              string         `json:"id"`
	Status          Status         `json:"status"`
	Reason          string         `json:"reason,omitempty"`
	Email           string         `json:"email,omitempty"`
	Name            string         `json:"name,omitempty"`
	Phone           string         `json:"phone,omitempty"`           // E.164
	PhoneVerifiedAt *time.Time     `json:"phoneVerifiedAt,omitempty"` // when staff reached the person under this number; nil: it blocks no one
	Address         *event.Address `json:"address,omitempty"`
	Version         int            `json:"version"`
	CreatedAt       time.Time      `json:"createdAt"`
	UpdatedAt       time.Time      `json:"updatedAt"`

	PhoneChanges []time.Time `json:"phoneChanges,omitempty"` // the recent attempts to change the number, oldest first

	ConfirmedAt  time.Time `json:"confirmedAt,omitzero"`  // when auth first said that the account exists
	UnknownSince time.Time `json:"unknownSince,omitzero"` // since when auth does not know the account, or has rejected it

	Steps timeline.Trail `json:"steps,omitempty"` // of the registration, and then of the erasure alone

	Act *audit.Entry `json:"act,omitempty"` // the last act on the phone number; the database copies it to the audit trail
}

// reasonUnknownAccount is the reason of an abandoned profile.
const reasonUnknownAccount = "unknown_account"

// NewProfile returns the ACTIVE profile of a request.
func NewProfile(request event.UserToCreate, now time.Time) Profile {
	return Profile{ID: request.UserID, Status: Active, Email: request.Email, Name: request.Name, Phone: request.Phone,
		Address: request.Address, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// NewRejected returns the tombstone of a rejected request.
func NewRejected(id, reason string, now time.Time) Profile {
	return Profile{ID: id, Status: Rejected, Reason: reason, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// NewCancelled returns the tombstone of a profile that was cancelled before it was requested.
func NewCancelled(id, reason string, now time.Time) Profile {
	return Profile{ID: id, Status: Cancelled, Reason: reason, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// NewErased returns the tombstone of an erased person without a profile.
func NewErased(id string, now time.Time) Profile {
	return Profile{ID: id, Status: Erased, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// Erase turns p into the tombstone of an erased person, even if it is a tombstone of another kind. A repetition changes nothing.
func (p *Profile) Erase(now time.Time) {
	if p.Status != Erased {
		*p = Profile{ID: p.ID, Status: Erased, Version: p.Version + 1, CreatedAt: p.CreatedAt, UpdatedAt: now}
	}
}

// errContradiction means that the cancelled registration has a profile in use.
var errContradiction = errors.New("the profile cannot be cancelled: its owner or staff have changed it since the registration")

// Cancel turns p into a tombstone. It reports whether the profile changed. Auth cancels only accounts that were never ACTIVE. So Cancel
// returns errContradiction for a profile that its owner has changed or whose phone number staff have verified. The tombstone of an erased
// profile stays.
func (p *Profile) Cancel(reason string, now time.Time) (bool, error) {
	switch {
	case p.Status == Cancelled, p.Status == Erased:
		return false, nil
	case p.Status == Active && p.Version > 1:
		return false, errContradiction
	}
	*p = Profile{ID: p.ID, Status: Cancelled, Reason: reason, Version: p.Version + 1, CreatedAt: p.CreatedAt, UpdatedAt: now,
		Steps: p.Steps}
	return true, nil
}

// Abandon turns p into a tombstone, even if its owner has changed it: auth does not know the account any more, or has rejected it, so
// the owner cannot log in. It reports whether the profile changed.
func (p *Profile) Abandon(now time.Time) bool {
	if p.Status != Active {
		return false
	}
	*p = Profile{ID: p.ID, Status: Cancelled, Reason: reasonUnknownAccount, Version: p.Version + 1, CreatedAt: p.CreatedAt, UpdatedAt: now,
		Steps: p.Steps}
	return true
}

// Outcome returns the recorded outcome of the registration. It reports false for a cancelled or erased profile, which
// has none.
func (p Profile) Outcome() (event.UserOutcome, bool) {
	outcome := event.UserOutcome{UserID: p.ID, Version: p.Version}
	switch p.Status {
	case Active:
		outcome.Outcome = event.UserCreated
	case Rejected:
		outcome.Outcome, outcome.Reason = event.UserRejected, p.Reason
	default:
		return event.UserOutcome{}, false
	}
	return outcome, true
}
