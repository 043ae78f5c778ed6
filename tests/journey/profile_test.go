package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestProfileChangesAreValidatedAndKept(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	name, home := "Ana María", &client.Address{Street: "Rúa Nova 3", City: "Santiago", PostalCode: "15705", Country: "ES"}
	before := scenario.Try(ana.Me(ctx)).OrFail(t)

	got := scenario.Try(ana.ChangeMe(ctx, client.ProfileChange{Name: &name, Address: home})).OrFail(t)
	if got.Name != name || *got.Address != *home || got.Phone != ana.Person.Phone || got.Version <= before.Version {
		t.Errorf("the changed profile: got %+v, want the new name and address, the old phone and a higher version", got)
	}
	if again := scenario.Try(ana.Me(ctx)).OrFail(t); again.Name != name || again.Version != got.Version {
		t.Errorf("the profile, read again: got %+v, want %+v", again, got)
	}
	empty := ""
	refused(ana.ChangeMe(ctx, client.ProfileChange{Name: &empty})).want(t, http.StatusUnprocessableEntity)
	nonsense := "not a number"
	refused(ana.ChangeMe(ctx, client.ProfileChange{Phone: &nonsense})).want(t, http.StatusUnprocessableEntity)
}

// A verified phone number belongs to one profile. A changed profile frees its old number for others.
func TestPhoneBelongsToOneProfile(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, bea := t.Context(), s.Customer(), s.Customer()
	s.VerifyPhone(ana)
	refused(bea.ChangeMe(ctx, client.ProfileChange{Phone: &ana.Person.Phone})).want(t, http.StatusConflict)

	other := scenario.NewPerson().Phone
	scenario.Try(ana.ChangeMe(ctx, client.ProfileChange{Phone: &other})).OrFail(t)
	got := scenario.Try(bea.ChangeMe(ctx, client.ProfileChange{Phone: &ana.Person.Phone})).OrFail(t)
	if got.Phone != ana.Person.Phone {
		t.Errorf("phone: got %q, want %q", got.Phone, ana.Person.Phone)
	}
}

func TestAdminListsAllUsers(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	mine := map[string]bool{s.Customer().ID: true, s.Customer().ID: true, s.Customer().ID: true}
	for profile := range allItems(t, func(page client.Page) (client.List[client.Profile], error) {
		return s.Admin.Users(t.Context(), page)
	}) {
		delete(mine, profile.ID)
	}
	if len(mine) != 0 {
		t.Errorf("the list of users lacks %v", mine)
	}
}
