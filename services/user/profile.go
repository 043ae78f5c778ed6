package main

import (
	"time"

	"comanda/services/event"
)

// Status is a state in the life of a profile.
type Status string

// A profile is made ACTIVE or REJECTED, and auth may cancel either. Only ACTIVE ones are profiles to the outside; the others
// are tombstones: they keep an answer, and nothing personal.
const (
	Active    Status = "ACTIVE"
	Rejected  Status = "REJECTED"
	Cancelled Status = "CANCELLED"
)

// Profile is what is known of a person, under the id of their account.
type Profile struct {
	ID        string         `json:"id"`
	Status    Status         `json:"status"`
	Reason    string         `json:"reason,omitempty"`
	Email     string         `json:"email,omitempty"`
	Name      string         `json:"name,omitempty"`
	Phone     string         `json:"phone,omitempty"` // E.164
	Address   *event.Address `json:"address,omitempty"`
	Version   int            `json:"version"`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`
}

// Welcome makes the profile that was asked for.
func NewProfile(request event.UserToCreate, now time.Time) Profile {
	return Profile{ID: request.UserID, Status: Active, Email: request.Email, Name: request.Name, Phone: request.Phone,
		Address: request.Address, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// Refuse makes the tombstone of a profile that cannot be, with the reason why.
func NewRejected(id, reason string, now time.Time) Profile {
	return Profile{ID: id, Status: Rejected, Reason: reason, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// Never makes the tombstone of a profile that was cancelled before it was asked for.
func NewCancelled(id, reason string, now time.Time) Profile {
	return Profile{ID: id, Status: Cancelled, Reason: reason, Version: 1, CreatedAt: now, UpdatedAt: now}
}

// Cancel turns p into a tombstone. It says whether that changed anything.
func (p *Profile) Cancel(reason string, now time.Time) bool {
	if p.Status == Cancelled {
		return false
	}
	*p = Profile{ID: p.ID, Status: Cancelled, Reason: reason, Version: p.Version + 1, CreatedAt: p.CreatedAt, UpdatedAt: now}
	return true
}

// Outcome is the answer to the registration, the same however often it is asked for. After a cancellation there is none.
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
