package main

import (
	"errors"
	"slices"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// Erasure is the progress of an erasure: the services that have not answered yet, and its times.
type Erasure struct {
	Waiting     []string  `json:"waiting,omitempty"`
	BegunAt     time.Time `json:"begunAt"`
	AnnouncedAt time.Time `json:"announcedAt"` // when deleting.user was last published
	Announced   int       `json:"announced"`   // how many times it was published; erasures of old start at 0
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// holders returns the other services that store personal data: each has to answer.
func holders() []string { return []string{"user", "order"} }

// errNotDeleting means that a service answers an erasure that never began.
var errNotDeleting = errors.New("the account is not being erased")

// BeginErasure makes an ACTIVE account DELETING and invalidates its refresh tokens. replaceable reports whether another ACTIVE admin
// exists; without one, BeginErasure returns Conflict for an admin. It returns NotFound for an account that is not ACTIVE. It reports
// whether anything changed: a second request changes nothing.
func (a *Account) BeginErasure(replaceable bool, traceparent string, now time.Time) (changed bool, err error) {
	switch {
	case a.Erasure != nil:
		return false, nil
	case a.Status != Active:
		return false, noAccount()
	case a.isAdmin() && !replaceable:
		return false, errLastAdmin()
	}
	a.Status, a.Traceparent, a.Erasure = Deleting, traceparent, &Erasure{Waiting: holders(), BegunAt: now, AnnouncedAt: now, Announced: 1}
	a.endSessions("", now)
	return true, nil
}

func errLastAdmin() error {
	return fault.Conflict("this is the last admin: make another account an admin first")
}

// ErasureRequest returns the message that asks the other services to erase the account.
func (a Account) ErasureRequest() event.Message {
	return event.DeletingUser.Message(a.ID, event.UserToErase{UserID: a.ID, Version: a.Version})
}

// ApplyErasure applies the answer of a service. After the last one the account is ERASED. It reports whether anything changed: a
// repeated answer changes nothing. It returns errNotDeleting when the account is neither DELETING nor ERASED.
func (a *Account) ApplyErasure(service string, now time.Time) (changed bool, err error) {
	if a.Erasure == nil {
		return false, errNotDeleting
	}
	at := slices.Index(a.Erasure.Waiting, service)
	if at < 0 {
		return false, nil
	}
	a.Erasure.Waiting = slices.Delete(a.Erasure.Waiting, at, at+1)
	if len(a.Erasure.Waiting) == 0 {
		a.becomeTombstone(now)
	}
	return true, nil
}

// becomeTombstone removes everything about the person. The id stays, so that it is never used again.
func (a *Account) becomeTombstone(now time.Time) {
	*a = Account{ID: a.ID, Roles: []string{}, Status: Erased, Version: a.Version + 1, Epoch: a.Epoch, CreatedAt: a.CreatedAt, UpdatedAt: now,
		Erasure: &Erasure{BegunAt: a.Erasure.BegunAt, AnnouncedAt: a.Erasure.AnnouncedAt, Announced: a.Erasure.Announced,
			CompletedAt: now}}
}

// AnnounceErasureAgain records that the erasure is announced now, if the account is DELETING and has been announced the given number of
// times. It reports whether it did.
func (a *Account) AnnounceErasureAgain(announced int, now time.Time) bool {
	if a.Status != Deleting || a.Erasure.Announced != announced {
		return false
	}
	a.Erasure.AnnouncedAt, a.Erasure.Announced = now, announced+1
	return true
}
