package main

import (
	"context"
	"encoding"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// profileResponse is a profile as clients see it.
type profileResponse struct {
	ID              string         `json:"id"`
	Email           string         `json:"email"`
	Name            string         `json:"name"`
	Phone           string         `json:"phone,omitempty"`
	PhoneVerifiedAt *time.Time     `json:"phoneVerifiedAt,omitempty"`
	Address         *event.Address `json:"address,omitempty"`
	Version         int            `json:"version"`
	CreatedAt       time.Time      `json:"createdAt"`
	UpdatedAt       time.Time      `json:"updatedAt"`
}

func toResponse(p Profile) profileResponse {
	return profileResponse{p.ID, p.Email, p.Name, p.Phone, p.PhoneVerifiedAt, p.Address, p.Version, p.CreatedAt, p.UpdatedAt}
}

func (s service) showOwnProfile(w http.ResponseWriter, r *http.Request) error {
	return s.writeProfile(w, r, token.From(r.Context()).Subject)
}

func (s service) showProfile(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "id")
	if !validate.IsUUID(id) {
		return noProfile()
	}
	return s.writeProfile(w, r, id)
}

// writeProfile writes an ACTIVE profile. Any other looks like one that does not exist.
func (s service) writeProfile(w http.ResponseWriter, r *http.Request, id string) error {
	profile, err := s.documents.Get(r.Context(), id)
	if fault.Is(err, fault.KindNotFound) || err == nil && profile.Status != Active {
		return noProfile()
	}
	if err != nil {
		return err
	}
	return rest.Resource(w, r, http.StatusOK, profile.validators(), toResponse(profile))
}

// validators identify the profile's version.
func (p Profile) validators() rest.Validators {
	return rest.Validators{Tag: rest.VersionTag(p.Version), Modified: p.UpdatedAt}
}

func noProfile() error { return fault.NotFound("there is no such profile") }

func (s service) editOwnProfile(w http.ResponseWriter, r *http.Request) error {
	edit, err := decodeEdit(w, r)
	if err != nil {
		return err
	}
	edit, err = edit.Check()
	if err != nil {
		return err
	}
	profile, err := s.editProfile(r.Context(), token.From(r.Context()).Subject, edit, rest.PreconditionOf(r))
	if err != nil {
		return err
	}
	return rest.Resource(w, r, http.StatusOK, profile.validators(), toResponse(profile))
}

// decodeEdit decodes the body.
func decodeEdit(w http.ResponseWriter, r *http.Request) (Edit, error) {
	var members struct {
		Name    *string        `json:"name"`
		Phone   *string        `json:"phone"`
		Address *event.Address `json:"address"`
	}
	given, err := rest.DecodePatch(w, r, &members)
	if err != nil {
		return Edit{}, err
	}
	return Edit{optional[string]{given.Has("name"), members.Name}, optional[string]{given.Has("phone"), members.Phone},
		optional[event.Address]{given.Has("address"), members.Address}}, nil
}

// editProfile applies an edit that Check has validated, if the precondition holds. It returns Limited when the account has tried to change
// its phone number too often, and Conflict when the number is verified for another profile.
func (s service) editProfile(ctx context.Context, id string, edit Edit, condition rest.Precondition) (Profile, error) {
	taken := false
	if edit.Phone.value != nil {
		var err error
		if taken, err = s.phoneTaken(ctx, *edit.Phone.value, id); err != nil {
			return Profile{}, err
		}
	}
	tried := false   // an earlier attempt passed the precondition
	refused := false // this attempt only counts the change of the phone number, because the number is taken
	profile, err := s.documents.Change(ctx, id, func(p *Profile) (event.Message, error) {
		refused = false
		if p.Status != Active {
			return event.NoMessage, noProfile()
		}
		before := *p
		changed := p.Apply(edit, s.now())
		if !changed && tried { // our own write, whose response was lost: its precondition held
			return event.NoMessage, document.ErrUnchanged
		}
		if err := condition.Check(before.validators()); err != nil {
			return event.NoMessage, err
		}
		if tried = true; !changed {
			return event.NoMessage, document.ErrUnchanged
		}
		if before.PhoneVerifiedAt != nil && p.PhoneVerifiedAt == nil {
			p.recordVerification(ctx, audit.VerificationEnded, true)
		}
		if p.Phone == before.Phone || p.Phone == "" {
			return event.NoMessage, nil
		}
		if refused = taken; refused {
			*p = before // a refused attempt counts too: its answer says that someone verified the number
		}
		return event.NoMessage, p.CountPhoneChange(s.phoneQuota, s.now())
	})
	switch {
	case fault.Is(err, fault.KindNotFound):
		return Profile{}, noProfile()
	case err == nil && refused:
		return Profile{}, fault.Conflict("this phone number belongs to another profile")
	}
	return profile, err
}

func (s service) listProfiles(w http.ResponseWriter, r *http.Request) error {
	from := startOfList()
	page, err := s.cursors.Page(r, nil, &from)
	if err != nil {
		return err
	}
	profiles, err := s.listActive(r.Context(), from, page.Limit+1)
	if err != nil {
		return err
	}
	return rest.Document(w, r, rest.Paged(page, profiles, len(profiles) > page.Limit, func(last listedProfile) encoding.BinaryMarshaler {
		return position{At: last.At, ID: last.Profile.ID}
	}))
}
