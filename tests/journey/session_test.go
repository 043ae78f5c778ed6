package journey

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestLoginDoesNotRevealWhichAccountsExist(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana := s.Customer()
	if ana.Session.TokenType != "Bearer" || ana.Session.ExpiresIn != 5*60 || ana.Session.RefreshToken == "" {
		t.Errorf("session: got %+v, want a Bearer token for 5 minutes and a refresh token", ana.Session)
	}
	// The response to a wrong password does not reveal whether the account exists.
	known := refused(s.Anonymous.Login(t.Context(), ana.Person.Email, "wrong password")).want(t, http.StatusUnauthorized)
	stranger := scenario.NewPerson()
	unknown := refused(s.Anonymous.Login(t.Context(), stranger.Email, "wrong password")).want(t, http.StatusUnauthorized)
	if known.Detail != unknown.Detail {
		t.Errorf("a wrong password gets %q, an unknown e-mail %q; want the same", known.Detail, unknown.Detail)
	}
}

// A refresh token works once. A second use is refused. Within 10 s it may come from the owner's other tab, and the session lives;
// later it revokes every token of its family.
func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	first := ana.Session.RefreshToken

	second := scenario.Try(s.Anonymous.Refresh(ctx, first)).OrFail(t)
	if second.RefreshToken == first {
		t.Fatal("the refresh token did not rotate")
	}
	scenario.Try(s.Anonymous.As(second).Me(ctx)).OrFail(t)
	third := scenario.Try(s.Anonymous.Refresh(ctx, second.RefreshToken)).OrFail(t)

	refused(s.Anonymous.Refresh(ctx, second.RefreshToken)).want(t, http.StatusUnauthorized)
	newest := scenario.Try(s.Anonymous.Refresh(ctx, third.RefreshToken)).OrFail(t).RefreshToken
	scenario.Eventually(t, "the reuse of a token ends its family", func(ctx context.Context) error {
		refused(s.Anonymous.Refresh(ctx, first)).want(t, http.StatusUnauthorized)
		session, err := s.Anonymous.Refresh(ctx, newest)
		if client.Status(err) == http.StatusTooManyRequests {
			return errors.New("the newest token still works, but the session has refreshed too often")
		}
		if err != nil {
			refused(session, err).want(t, http.StatusUnauthorized)
			return nil
		}
		newest = session.RefreshToken
		return errors.New("the newest token still works")
	})

	scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)
}

// Of several simultaneous uses of one refresh token, at most one gets a session. The others are refused.
func TestSimultaneousUsesOfARefreshTokenGetAtMostOneSession(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana := s.Customer()
	outcomes := scenario.Try(concurrently(8, func(int) (int, error) {
		answer, err := s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/auth/refresh",
			Body: map[string]string{"refreshToken": ana.Session.RefreshToken}})
		return answer.Status, err
	})).OrFail(t)
	if ok := countEqual(outcomes, http.StatusOK); ok > 1 || ok+countEqual(outcomes, http.StatusUnauthorized) != len(outcomes) {
		t.Errorf("eight simultaneous uses of one refresh token: got %v, want at most one 200 and otherwise 401", outcomes)
	}
}

func TestLogoutEndsOneSession(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	other := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)

	for range 2 { // a client may repeat a logout whose response was lost
		if err := s.Anonymous.Logout(ctx, ana.Session.RefreshToken); err != nil {
			t.Fatal(err)
		}
	}
	refused(s.Anonymous.Refresh(ctx, ana.Session.RefreshToken)).want(t, http.StatusUnauthorized)
	scenario.Try(s.Anonymous.Refresh(ctx, other.Session.RefreshToken)).OrFail(t) // the other session stays valid
}

func TestUnknownRefreshTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	refused(s.Anonymous.Refresh(t.Context(), "nonsense")).want(t, http.StatusUnauthorized)
}

// A change of an account's roles revokes its refresh tokens, so old roles last no longer than an access token.
func TestRoleChangeRevokesRefreshTokens(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()

	account := scenario.Try(s.Admin.SetRoles(ctx, ana.ID, client.RoleCustomer, client.RoleStaff)).OrFail(t)
	if account.UserID != ana.ID || account.Email != ana.Person.Email || account.Status != client.AccountActive ||
		len(account.Roles) != 2 {
		t.Errorf("account: got %+v, want the ACTIVE account of %s with two roles", account, ana.Person.Email)
	}
	refused(s.Anonymous.Refresh(ctx, ana.Session.RefreshToken)).want(t, http.StatusUnauthorized)

	again := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)
	scenario.Try(again.AddStock(ctx, s.Dish(1, 100).ID, 1)).OrFail(t) // now staff

	scenario.Try(s.Admin.SetRoles(ctx, ana.ID, client.RoleCustomer)).OrFail(t)
	back := scenario.Try(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).OrFail(t)
	refused(back.AddStock(ctx, s.Dish(1, 100).ID, 1)).want(t, http.StatusForbidden)
}

func TestInvalidRoleChangesAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	refused(s.Admin.SetRoles(ctx, ana.ID, "king")).want(t, http.StatusUnprocessableEntity)
	refused(s.Admin.SetRoles(ctx, "00000000-0000-4000-8000-000000000000", client.RoleCustomer)).want(t, http.StatusNotFound)
	refused(ana.SetRoles(ctx, ana.ID, client.RoleAdmin)).want(t, http.StatusForbidden)
	refused(s.Anonymous.SetRoles(ctx, ana.ID, client.RoleAdmin)).want(t, http.StatusUnauthorized)
}
