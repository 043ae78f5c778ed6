package main

import (
	"fmt"
	"slices"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// Status is a state in the life of an account.
type Status string

// An account is PENDING until user creates or rejects its profile. An ACTIVE account can be erased: it is DELETING until every
// service has erased its part. REJECTED and ERASED are final.
const (
	Pending  Status = "PENDING"
	Active   Status = "ACTIVE"
	Rejected Status = "REJECTED"
	Deleting Status = "DELETING"
	Erased   Status = "ERASED"
)

// reasonTimedOut is the reason of a registration that user did not answer in time.
const reasonTimedOut = "timed_out"

// Account holds the credentials and the roles of one person.
type Account struct {
	ID           string     `json:"id"`
	Email        string     `json:"email"` // lower case; unique among PENDING, ACTIVE and DELETING accounts
	PasswordHash string     `json:"passwordHash"`
	Roles        []string   `json:"roles"`
	Status       Status     `json:"status"`
	Reason       string     `json:"reason,omitempty"`
	Version      int        `json:"version"`             // counts the changes, starting at 1
	Epoch        int        `json:"epoch"`               // refresh tokens of an earlier epoch are invalid
	Applicant    *Applicant `json:"applicant,omitempty"` // while PENDING
	Traceparent  string     `json:"trace,omitempty"`     // of the registration, while PENDING
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
	AnnouncedAt  time.Time  `json:"announcedAt"` // when creating.user was last published

	Erasure *Erasure `json:"erasure,omitempty"` // DELETING and ERASED

	Fingerprint string `json:"fingerprint,omitempty"` // of the registration without its password; accounts of old have none
}

// Applicant is the personal data that user needs for the profile.
type Applicant struct {
	Name    string         `json:"name"`
	Phone   string         `json:"phone,omitempty"` // E.164
	Address *event.Address `json:"address,omitempty"`
}

// NewAccount returns the PENDING account of a registration that Check has validated.
func NewAccount(id string, r Registration, hash string, roles []string, now time.Time) Account {
	return Account{ID: id, Email: r.Email, PasswordHash: hash, Roles: roles, Status: Pending, Version: 1, Epoch: 1,
		Applicant: &Applicant{r.Name, r.phone(), r.Address}, CreatedAt: now, UpdatedAt: now, AnnouncedAt: now, Fingerprint: r.fingerprint()}
}

// ProfileRequest returns the message that asks user for the profile of a PENDING account.
func (a Account) ProfileRequest() event.Message {
	return event.CreatingUser.Message(a.ID, event.UserToCreate{UserID: a.ID, Version: a.Version, Email: a.Email,
		Name: a.Applicant.Name, Phone: a.Applicant.Phone, Address: a.Applicant.Address})
}

// ProfileCancellation returns the message that withdraws the request for the profile of a REJECTED account.
func (a Account) ProfileCancellation() event.Message {
	return event.CreatingUserCancelled.Message(a.ID, event.UserCancelled{UserID: a.ID, Version: a.Version, Reason: a.Reason})
}

// ApplyOutcome applies user's outcome. It returns the message to publish, and whether there is anything to write. A profile
// that was created after the registration was rejected is cancelled. Other outcomes for a decided account are repetitions.
func (a *Account) ApplyOutcome(outcome event.UserOutcome, now time.Time) (message event.Message, write bool) {
	created := outcome.Outcome == event.UserCreated
	switch {
	case a.Status == Pending && created:
		a.decide(Active, "", now)
		return event.NoMessage, true
	case a.Status == Pending:
		a.decide(Rejected, outcome.Reason, now)
		return event.NoMessage, true
	case a.Status == Rejected && created:
		return a.ProfileCancellation(), true
	}
	return event.NoMessage, false
}

// AnnounceAgain returns the profile request of a PENDING account that was last announced at or before the given time. It
// reports whether there is one.
func (a *Account) AnnounceAgain(before, now time.Time) (event.Message, bool) {
	if a.Status != Pending || a.AnnouncedAt.After(before) {
		return event.NoMessage, false
	}
	a.AnnouncedAt = now
	return a.ProfileRequest(), true
}

// GiveUp rejects an account that is still PENDING and was created at or before the given time. It reports whether it did.
func (a *Account) GiveUp(before, now time.Time) (event.Message, bool) {
	if a.Status != Pending || a.CreatedAt.After(before) {
		return event.NoMessage, false
	}
	a.decide(Rejected, reasonTimedOut, now)
	return a.ProfileCancellation(), true
}

// decide ends the registration and removes the personal data of the profile.
func (a *Account) decide(status Status, reason string, now time.Time) {
	a.Status, a.Reason, a.Applicant, a.Traceparent = status, reason, nil, ""
	a.Version, a.UpdatedAt = a.Version+1, now
}

// GrantRoles replaces a's roles with roles, which checkRoles has validated, and invalidates its refresh tokens. It reports whether
// anything changed.
func (a *Account) GrantRoles(roles []string, now time.Time) bool {
	if slices.Equal(a.Roles, roles) {
		return false
	}
	a.Roles, a.Epoch = roles, a.Epoch+1
	a.Version, a.UpdatedAt = a.Version+1, now
	return true
}

func (a Account) isAdmin() bool { return slices.Contains(a.Roles, token.Admin) }

// checkRoles validates roles and returns them in the order customer, staff, admin. The customer role is always included.
func checkRoles(roles []string) ([]string, error) {
	known := []string{token.Customer, token.Staff, token.Admin}
	if roles == nil {
		return nil, fault.Wrong("roles", "must be given")
	}
	if len(roles) > len(known) {
		return nil, fault.Wrong("roles", "must have at most %d roles", len(known))
	}
	var wrong []fault.Field
	for i, role := range roles {
		switch {
		case !slices.Contains(known, role):
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("roles[%d]", i), Message: "must be customer, staff or admin"})
		case slices.Contains(roles[:i], role):
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("roles[%d]", i), Message: "is there twice"})
		}
	}
	if len(wrong) > 0 {
		return nil, fault.Invalid(wrong...)
	}
	return slices.DeleteFunc(known, func(role string) bool {
		return role != token.Customer && !slices.Contains(roles, role)
	}), nil
}
