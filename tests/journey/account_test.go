package journey

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	other := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)
	next := "battery staple " + ana.ID[:8]

	problem := refused(0, ana.ChangePassword(ctx, "not the password", next)).want(t, http.StatusUnprocessableEntity)
	if len(problem.Errors) != 1 || problem.Errors[0].Field != "currentPassword" {
		t.Errorf("a wrong current password: got %+v, want currentPassword", problem)
	}
	if err := ana.ChangePassword(ctx, ana.Person.Password, next); err != nil {
		t.Fatal(err)
	}
	refused(s.Anonymous.Refresh(ctx, other.Session.RefreshToken)).want(t, http.StatusUnauthorized)
	scenario.Try(s.Anonymous.Refresh(ctx, ana.Session.RefreshToken)).OrFail(t) // the session in use goes on
	refused(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).want(t, http.StatusUnauthorized)
	again := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, next)).OrFail(t)

	if err := again.LogOutEverywhere(ctx); err != nil {
		t.Fatal(err)
	}
	refused(s.Anonymous.Refresh(ctx, again.Session.RefreshToken)).want(t, http.StatusUnauthorized)
}

func TestASuspendedAccountIsLockedOutUntilItIsReinstated(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	suspended := scenario.Try(s.Admin.SetAccountStatus(ctx, ana.ID, client.AccountSuspended, "chargebacks")).OrFail(t)
	if suspended.Status != client.AccountSuspended || suspended.Reason != "chargebacks" {
		t.Errorf("got %+v, want SUSPENDED with its reason", suspended)
	}
	refused(s.Anonymous.Refresh(ctx, ana.Session.RefreshToken)).want(t, http.StatusUnauthorized)
	refused(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).want(t, http.StatusForbidden)
	refused(s.Anonymous.Login(ctx, ana.Person.Email, "not the password")).want(t, http.StatusUnauthorized)
	refused(0, ana.LogOutEverywhere(ctx)).want(t, http.StatusForbidden)

	scenario.Try(s.Admin.SetAccountStatus(ctx, ana.ID, client.AccountActive, "")).OrFail(t)
	if got := scenario.Try(s.Admin.Account(ctx, ana.ID)).OrFail(t); got.Status != client.AccountActive || got.Version != suspended.Version+1 {
		t.Errorf("got %+v, want ACTIVE and the next version after %d", got, suspended.Version)
	}
	scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)
	refused(ana.SetAccountStatus(ctx, ana.ID, client.AccountSuspended, "")).want(t, http.StatusForbidden)
}

// A demoted admin still holds a token with the role for minutes. The admin cannot use it to get the role back.
func TestADemotedAdminCannotRestoreItself(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, dora := t.Context(), s.Customer()
	scenario.Try(s.Admin.SetRoles(ctx, dora.ID, client.RoleCustomer, client.RoleAdmin)).OrFail(t)
	admin := scenario.Try(s.Anonymous.Login(ctx, dora.Person.Email, dora.Person.Password)).OrFail(t)
	scenario.Try(admin.Account(ctx, dora.ID)).OrFail(t)

	scenario.Try(s.Admin.SetRoles(ctx, dora.ID, client.RoleCustomer)).OrFail(t)
	refused(admin.SetRoles(ctx, dora.ID, client.RoleCustomer, client.RoleAdmin)).want(t, http.StatusForbidden)
	refused(admin.SetAccountStatus(ctx, dora.ID, client.AccountSuspended, "")).want(t, http.StatusForbidden)
	refused(admin.Audit(ctx, "auth", dora.ID, client.Page{})).want(t, http.StatusForbidden)
	if got := scenario.Try(s.Admin.Account(ctx, dora.ID)).OrFail(t); !slices.Equal(got.Roles, []string{client.RoleCustomer}) {
		t.Errorf("got %+v, want a customer", got)
	}
}

// The audit trails of auth and product hold the acts of an admin and of staff, with actor, address and trace.
func TestTheAuditTrailNamesTheActor(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	price := int64(800)
	scenario.Try(s.Admin.SetRoles(ctx, ana.ID, client.RoleCustomer, client.RoleStaff)).OrFail(t)
	scenario.Try(s.Admin.SetAccountStatus(ctx, ana.ID, client.AccountSuspended, "")).OrFail(t)
	scenario.Try(s.Admin.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &price})).OrFail(t)
	scenario.Try(cook.AddStock(ctx, dish.ID, 5)).OrFail(t)

	admin := scenario.Try(s.Admin.Audit(ctx, "product", dish.ID, client.Page{})).OrFail(t).Items
	if len(admin) == 0 {
		t.Fatal("got no entries about the dish")
	}
	boss := admin[len(admin)-1].Actor // created the dish
	for service, want := range map[string]struct {
		subject string
		acts    []string
	}{
		"auth": {ana.ID, []string{
			`account.suspended by boss {"status":"ACTIVE"} {"status":"SUSPENDED"}`,
			`account.roles_changed by boss {"roles":["customer"]} {"roles":["customer","staff"]}`,
		}},
		"product": {dish.ID, []string{
			`product.stock_changed by cook {"available":10} {"available":15}`,
			`product.changed by boss {"priceCents":700} {"priceCents":800}`,
			`product.created by boss`,
		}},
	} {
		var got []string
		for _, entry := range scenario.Try(s.Admin.Audit(ctx, service, want.subject, client.Page{})).OrFail(t).Items {
			act := entry.Action + " by " + map[string]string{boss: "boss", cook.ID: "cook"}[entry.Actor]
			if entry.Before != nil {
				act += " " + string(entry.Before) + " " + string(entry.After)
			}
			got = append(got, act)
			if entry.Address == "" || entry.TraceID == "" || entry.At.IsZero() || entry.Service != service {
				t.Errorf("got %+v, want an address, a trace, a time and the service", entry)
			}
		}
		if difference := cmp.Diff(want.acts, got); difference != "" {
			t.Errorf("%s (-want +got):\n%s", service, difference)
		}
	}
	refused(cook.Audit(ctx, "product", dish.ID, client.Page{})).want(t, http.StatusForbidden)
}
