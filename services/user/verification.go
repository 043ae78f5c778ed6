package main

import (
	"context"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// verification is the verified phone number of a profile. Staff see no other part of the profile.
type verification struct {
	UserID     string    `json:"userId"`
	Phone      string    `json:"phone"`
	VerifiedAt time.Time `json:"verifiedAt"`
}

// VerifyPhone records that staff have reached the person at number. It reports whether anything changed. It returns Conflict if the
// profile has another number, perhaps since staff called.
func (p *Profile) VerifyPhone(number string, now time.Time) (bool, error) {
	if p.Phone != number {
		return false, fault.Conflict("the profile has another phone number: ask the person for it, and call that one")
	}
	if p.PhoneVerifiedAt != nil {
		return false, nil
	}
	p.PhoneVerifiedAt = &now
	p.Version, p.UpdatedAt = p.Version+1, now
	return true, nil
}

// ForgetVerification takes the verification of the profile's number back, so that another profile can have the number verified. It
// reports whether anything changed.
func (p *Profile) ForgetVerification(now time.Time) bool {
	if p.PhoneVerifiedAt == nil {
		return false
	}
	p.PhoneVerifiedAt = nil
	p.Version, p.UpdatedAt = p.Version+1, now
	return true
}

// verifyPhone handles PUT /users/{id}/phone-verification. The body names the number that staff called: the profile's number may have
// changed since.
func (s service) verifyPhone(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Phone string `json:"phone"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	number, err := validate.Phone("phone", body.Phone)
	if err != nil {
		return err
	}
	id := rest.Param(r, "id")
	if err := s.checkUnverified(r, number, id); err != nil {
		return err
	}
	for range document.MaxDuplicates {
		var profile Profile
		profile, err = s.changeActive(r, audit.PhoneVerified,
			func(p *Profile) (bool, error) { return p.VerifyPhone(number, s.now()) })
		if err == nil {
			return rest.JSON(w, http.StatusOK, verification{profile.ID, profile.Phone, *profile.PhoneVerifiedAt})
		}
		// The unique index may have refused the write.
		if taken := s.checkUnverified(r, number, id); fault.Is(taken, fault.KindConflict) {
			return taken
		}
		if !document.IsDuplicate(err) {
			break
		}
		// The other profile's verification has ended since, so the number is free.
	}
	return err
}

// checkUnverified returns Conflict if number is verified for a profile other than id.
func (s service) checkUnverified(r *http.Request, number, id string) error {
	taken, err := s.phoneTaken(r.Context(), number, id)
	if err == nil && taken {
		err = fault.Conflict("this phone number is verified for another profile: if the number has a new owner, end that verification first")
	}
	return err
}

// endVerification handles DELETE /users/{id}/phone-verification.
func (s service) endVerification(w http.ResponseWriter, r *http.Request) error {
	_, err := s.changeActive(r, audit.VerificationEnded, func(p *Profile) (bool, error) { return p.ForgetVerification(s.now()), nil })
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// verificationState is what the audit trail holds about a verification: not the number, which is personal.
type verificationState struct {
	PhoneVerified bool `json:"phoneVerified"`
}

// recordVerification records the caller's act on the phone number of the profile, which was verified before or not.
func (p *Profile) recordVerification(ctx context.Context, action audit.Action, was bool) {
	act := audit.New(ctx, action, p.ID, verificationState{was}, verificationState{!was})
	p.Act = &act
}

// changeActive applies change to the profile in the path, and records the act if the profile changed. It returns NotFound unless that
// profile is ACTIVE.
func (s service) changeActive(r *http.Request, action audit.Action, change func(*Profile) (changed bool, err error)) (Profile, error) {
	id := rest.Param(r, "id")
	if !validate.IsUUID(id) {
		return Profile{}, noProfile()
	}
	profile, err := s.documents.Change(r.Context(), id, func(p *Profile) (event.Message, error) {
		if p.Status != Active {
			return event.NoMessage, noProfile()
		}
		was := p.PhoneVerifiedAt != nil
		changed, err := change(p)
		switch {
		case err == nil && !changed:
			err = document.ErrUnchanged
		case err == nil:
			p.recordVerification(r.Context(), action, was)
		}
		return event.NoMessage, err
	})
	if fault.Is(err, fault.KindNotFound) {
		err = noProfile()
	}
	return profile, err
}
