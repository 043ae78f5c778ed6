package main

import (
	"context"
	"net/http"

	"comanda/services/internal/audit"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// maxReason is the maximum length of the reason of a suspension in characters.
const maxReason = 200

// setStatus suspends or reinstates an account.
func (s service) setStatus(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	var body struct {
		Status Status `json:"status"`
		Reason string `json:"reason"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	reason, wrong := validate.OptionalLine("reason", body.Reason, maxReason)
	if body.Status != Active && body.Status != Suspended {
		wrong = append(wrong, fault.Field{Field: "status", Message: "must be ACTIVE or SUSPENDED"})
	}
	if body.Status == Active && reason != "" {
		wrong = append(wrong, fault.Field{Field: "reason", Message: "must be left out for ACTIVE"})
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	account, err := s.setAccountStatus(r.Context(), id, body.Status, reason, rest.PreconditionOf(r))
	if err != nil {
		return err
	}
	return writeAccount(w, r, account)
}

// setAccountStatus makes an account ACTIVE or SUSPENDED, if the precondition holds.
func (s service) setAccountStatus(
	ctx context.Context, id string, status Status, reason string, condition rest.Precondition,
) (Account, error) {
	action := audit.AccountReinstated
	if status == Suspended {
		action = audit.AccountSuspended
	}
	return s.changeAccount(ctx, id, condition, func(a *Account) (act audit.Entry, changed bool, err error) {
		was := statusOf(*a)
		changed, err = a.SetStatus(status, reason, s.now())
		return audit.New(ctx, action, id, was, statusOf(*a)), changed, err
	})
}

// statusState is an account's status before or after a suspension or its end, as the audit trail holds it.
type statusState struct {
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func statusOf(a Account) statusState { return statusState{a.Status, a.Suspension} }
