package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
)

func TestProfile(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana := t.Context(), w.customer()
	name, home := "Ana María", &client.Address{Street: "Rúa Nova 3", City: "Santiago", PostalCode: "15705", Country: "ES"}
	before := must(ana.Me(ctx))(t)

	got := must(ana.ChangeMe(ctx, client.ProfileChange{Name: &name, Address: home}))(t)
	if got.Name != name || *got.Address != *home || got.Phone != ana.person.Phone || got.Version <= before.Version {
		t.Errorf("the profile became %+v", got)
	}
	if again := must(ana.Me(ctx))(t); again.Name != name || again.Version != got.Version {
		t.Errorf("read again, it is %+v", again)
	}
	empty := ""
	refused(ana.ChangeMe(ctx, client.ProfileChange{Name: &empty}))(t, http.StatusUnprocessableEntity)
	nonsense := "not a number"
	refused(ana.ChangeMe(ctx, client.ProfileChange{Phone: &nonsense}))(t, http.StatusUnprocessableEntity)
}

// A phone number is one person's; who gives it up leaves it to others.
func TestProfilePhone(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana, bea := t.Context(), w.customer(), w.customer()
	refused(bea.ChangeMe(ctx, client.ProfileChange{Phone: &ana.person.Phone}))(t, http.StatusConflict)

	other := somebody().Phone
	must(ana.ChangeMe(ctx, client.ProfileChange{Phone: &other}))(t)
	if got := must(bea.ChangeMe(ctx, client.ProfileChange{Phone: &ana.person.Phone}))(t); got.Phone != ana.person.Phone {
		t.Errorf("the phone is %q", got.Phone)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	mine := map[string]bool{w.customer().id: true, w.customer().id: true, w.customer().id: true}
	for profile := range pages(t, func(page client.Page) (client.List[client.Profile], error) {
		return w.admin.Users(t.Context(), page)
	}) {
		delete(mine, profile.ID)
	}
	if len(mine) != 0 {
		t.Errorf("the list of users lacks %v", mine)
	}
}
