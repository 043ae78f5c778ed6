package main

import (
	"fmt"
	"slices"
	"time"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/fault"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

// Status is a state in the life of an account.
type Status string

// An account is PENDING until user creates or rejects its profile. An admin can suspend an ACTIVE account and reinstate it. Its owner can
// have an ACTIVE account erased: it is DELETING until every service has erased its part. REJECTED and ERASED are final.
const (
	Pending   Status = "PENDING"
	Active    Status = "ACTIVE"
	Suspended Status = "SUSPENDED"
	Rejected  Status = "REJECTED"
	Deleting  Status = "DELETING"
	Erased    Status = "ERASED"
)

// reasonTimedOut is the reason of a registration that user did not answer in time.
const reasonTimedOut = "timed_out"

// Account holds the credentials and the roles of one person.
type Account struct {
	ID           string     `json:"id"`
	Email        string     `json:"email"` // lower case; unique among accounts that are neither REJECTED nor ERASED
	PasswordHash string     `json:"passwordHash"`
	Roles        []string   `json:"roles"`
	Status       Status     `json:"status"`
	Reason       string     `json:"reason,omitempty"`
	Version      int        `json:"version"`             // starts at 1, and counts the changes of the status and of the epoch
	Epoch        int        `json:"epoch"`               // tokens of an earlier epoch are invalid
	Applicant    *Applicant `json:"applicant,omitempty"` // while PENDING
	Traceparent  string     `json:"trace,omitempty"`     // of the registration while PENDING, of the erasure while DELETING
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
	AnnouncedAt  time.Time  `json:"announcedAt"` // when creating.user was last published
	Announced    int        `json:"announced"`   // how many times it was published; accounts of old start at 0

	Erasure *Erasure `json:"erasure,omitempty"` // DELETING and ERASED

	Steps timeline.Trail `json:"steps,omitempty"` // of the registration

	Fingerprint string `json:"fingerprint,omitempty"` // of the registration without its password; accounts of old have none

	Suspension  string       `json:"suspension,omitempty"`  // why an admin suspended the account; not for its owner
	KeptSession string       `json:"keptSession,omitempty"` // the session that outlived the last change of the epoch
	LastRequest string       `json:"lastRequest,omitempty"` // the last request of the owner that began an epoch (ownerRequest)
	Act         *audit.Entry `json:"act,omitempty"`         // the last act; the database copies it to the audit trail
}

// Applicant is the personal data that the service user needs to create the profile.
type Applicant struct {
	Name    string         `json:"name"`
	Phone   string         `json:"phone,omitempty"` // E.164
	Address *event.Address `json:"address,omitempty"`
}

// NewAccount returns the PENDING account of a registration that Check has validated.
func NewAccount(id string, r Registration, hash string, roles []string, now time.Time) Account {
	return Account{ID: id, Email: r.Email, PasswordHash: hash, Roles: roles, Status: Pending, Version: 1, Epoch: 1,
		Applicant: &Applicant{r.Name, r.phone(), r.Address}, CreatedAt: now, UpdatedAt: now, AnnouncedAt: now, Announced: 1,
		Fingerprint: r.fingerprint()}
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

// ApplyOutcome applies user's outcome. It returns the message to publish, and whether the account is to be written. If the registration was
// rejected before its profile was created, the message cancels the profile. Other outcomes for a decided account change nothing.
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

// AnnounceAgain records that a PENDING account is announced again, if it has been announced the given number of times, and returns the
// profile request. It reports whether it did.
func (a *Account) AnnounceAgain(announced int, now time.Time) (event.Message, bool) {
	if a.Status != Pending || a.Announced != announced {
		return event.NoMessage, false
	}
	a.AnnouncedAt, a.Announced = now, a.Announced+1
	return a.ProfileRequest(), true
}

// GiveUp rejects an account that is still PENDING, and returns the message that cancels its profile. It reports whether it did.
func (a *Account) GiveUp(now time.Time) (event.Message, bool) {
	if a.Status != Pending {
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

// GrantRoles replaces a's roles with roles, which checkRoles has validated, and invalidates its tokens. It reports whether
// anything changed.
func (a *Account) GrantRoles(roles []string, now time.Time) bool {
	if slices.Equal(a.Roles, roles) {
		return false
	}
	a.Roles = roles
	a.endSessions("", now)
	return true
}

// SetStatus suspends an ACTIVE account with a reason, gives a SUSPENDED one another reason, or reinstates it, and invalidates its tokens. It
// reports whether anything changed. It returns Conflict for accounts in other states.
func (a *Account) SetStatus(status Status, reason string, now time.Time) (changed bool, err error) {
	if a.Status != Active && a.Status != Suspended {
		return false, fault.Conflict("the account is %s: only an ACTIVE account can be suspended, and a SUSPENDED one reinstated", a.Status)
	}
	if a.Status == status && a.Suspension == reason {
		return false, nil
	}
	a.Status, a.Suspension = status, reason
	a.endSessions("", now)
	return true, nil
}

// ChangePassword replaces the password hash and invalidates the tokens of all sessions but kept. It remembers request, which identifies
// the client's request, so that a repetition changes nothing.
func (a *Account) ChangePassword(hash, kept, request string, now time.Time) {
	a.PasswordHash, a.LastRequest = hash, request
	a.endSessions(kept, now)
}

// LogOutEverywhere invalidates the tokens of all sessions. It remembers request, which identifies the client's request, so that a
// repetition changes nothing.
func (a *Account) LogOutEverywhere(request string, now time.Time) {
	a.LastRequest = request
	a.endSessions("", now)
}

// endSessions begins an epoch, in which only tokens of the session kept and tokens signed from now on are valid.
func (a *Account) endSessions(kept string, now time.Time) {
	a.Epoch, a.KeptSession = a.Epoch+1, kept
	a.Version, a.UpdatedAt = a.Version+1, now
}

// record makes e the last act, which the database copies to the audit trail when the account is written.
func (a *Account) record(e audit.Entry) { a.Act = &e }

// accepts reports whether a token of this session, from this epoch, is still valid.
func (a Account) accepts(session string, epoch int) bool {
	return epoch == a.Epoch || session != "" && session == a.KeptSession
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
