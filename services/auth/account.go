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

// An account is PENDING until its profile is made or refused; ACTIVE and REJECTED are final.
const (
	Pending  Status = "PENDING"
	Active   Status = "ACTIVE"
	Rejected Status = "REJECTED"
)

// reasonTimedOut is why a registration ends that user did not answer in time.
const reasonTimedOut = "timed_out"

// Account is who may come in, and with what.
type Account struct {
	ID           string     `json:"id"`
	Email        string     `json:"email"` // lower case; one of PENDING and ACTIVE accounts
	PasswordHash string     `json:"passwordHash"`
	Roles        []string   `json:"roles"`
	Status       Status     `json:"status"`
	Reason       string     `json:"reason,omitempty"`
	Version      int        `json:"version"`             // counts the changes, beginning with 1
	Epoch        int        `json:"epoch"`               // refresh tokens of an earlier one have ended
	Applicant    *Applicant `json:"applicant,omitempty"` // while PENDING
	Trace        string     `json:"trace,omitempty"`     // while PENDING: the traceparent of the registration
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
	AnnouncedAt  time.Time  `json:"announcedAt"` // when user was last asked for the profile
}

// Applicant is what the profile will be made of.
type Applicant struct {
	Name    string         `json:"name"`
	Phone   string         `json:"phone,omitempty"` // E.164
	Address *event.Address `json:"address,omitempty"`
}

// Open makes the PENDING account of a checked registration.
func Open(id string, r Registration, hash string, roles []string, now time.Time) Account {
	return Account{ID: id, Email: r.Email, PasswordHash: hash, Roles: roles, Status: Pending, Version: 1, Epoch: 1,
		Applicant: &Applicant{r.Name, r.phone(), r.Address}, CreatedAt: now, UpdatedAt: now, AnnouncedAt: now}
}

// Wanted asks for the profile of a PENDING account.
func (a Account) Wanted() event.Message {
	return event.CreatingUser.About(a.ID, event.UserToCreate{UserID: a.ID, Version: a.Version, Email: a.Email,
		Name: a.Applicant.Name, Phone: a.Applicant.Phone, Address: a.Applicant.Address})
}

// Unwanted says that the profile of a REJECTED account must not be.
func (a Account) Unwanted() event.Message {
	return event.CreatingUserCancelled.About(a.ID, event.UserCancelled{UserID: a.ID, Version: a.Version, Reason: a.Reason})
}

// Hear takes user's answer. It says what to announce, and whether anything has to be written at all: a profile that was made
// too late has to be taken back, and all other answers to a settled account are repetitions.
func (a *Account) Hear(answer event.UserOutcome, now time.Time) (message event.Message, write bool) {
	created := answer.Outcome == event.UserCreated
	switch {
	case a.Status == Pending && created:
		a.settle(Active, "", now)
		return event.None, true
	case a.Status == Pending:
		a.settle(Rejected, answer.Reason, now)
		return event.None, true
	case a.Status == Rejected && created:
		return a.Unwanted(), true
	}
	return event.None, false
}

// Remind asks for the profile again when nobody has since before. It says whether it does.
func (a *Account) Remind(before, now time.Time) (event.Message, bool) {
	if a.Status != Pending || a.AnnouncedAt.After(before) {
		return event.None, false
	}
	a.AnnouncedAt = now
	return a.Wanted(), true
}

// GiveUp rejects a registration that is still PENDING although it began before the given time. It says whether it does.
func (a *Account) GiveUp(before, now time.Time) (event.Message, bool) {
	if a.Status != Pending || a.CreatedAt.After(before) {
		return event.None, false
	}
	a.settle(Rejected, reasonTimedOut, now)
	return a.Unwanted(), true
}

// settle ends the registration. What the profile needed is not kept.
func (a *Account) settle(status Status, reason string, now time.Time) {
	a.Status, a.Reason, a.Applicant, a.Trace = status, reason, nil, ""
	a.Version, a.UpdatedAt = a.Version+1, now
}

// Grant gives a exactly the checked roles and ends its refresh tokens. It says whether anything changed.
func (a *Account) Grant(roles []string, now time.Time) bool {
	if slices.Equal(a.Roles, roles) {
		return false
	}
	a.Roles, a.Epoch = roles, a.Epoch+1
	a.Version, a.UpdatedAt = a.Version+1, now
	return true
}

func (a Account) isAdmin() bool { return slices.Contains(a.Roles, token.Admin) }

// checkRoles returns roles in their usual order. Customer always stays.
func checkRoles(roles []string) ([]string, error) {
	known := []string{token.Customer, token.Staff, token.Admin}
	if roles == nil {
		return nil, fault.Wrong("roles", "has to be given")
	}
	if len(roles) > len(known) {
		return nil, fault.Wrong("roles", "has to have at most %d roles", len(known))
	}
	var wrong []fault.Field
	for i, role := range roles {
		switch {
		case !slices.Contains(known, role):
			wrong = append(wrong, fault.Field{Field: fmt.Sprintf("roles[%d]", i), Message: "has to be customer, staff or admin"})
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
