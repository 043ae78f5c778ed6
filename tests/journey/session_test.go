package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
)

func TestLogin(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ana := w.customer()
	if ana.Session.TokenType != "Bearer" || ana.Session.ExpiresIn != 15*60 || ana.Session.RefreshToken == "" {
		t.Errorf("the session is %+v", ana.Session)
	}
	// Who does not know the password learns nothing: not even whether there is such an account.
	known := refused(w.nobody.Login(t.Context(), ana.person.Email, "wrong password"))(t, http.StatusUnauthorized)
	unknown := refused(w.nobody.Login(t.Context(), somebody().Email, "wrong password"))(t, http.StatusUnauthorized)
	if known.Detail != unknown.Detail {
		t.Errorf("a wrong password is told %q, an unknown e-mail %q", known.Detail, unknown.Detail)
	}
}

// A refresh token works once. Whoever comes with a spent one, the owner or a thief, ends the whole family.
func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana := t.Context(), w.customer()
	first := ana.Session.RefreshToken

	second := must(w.nobody.Refresh(ctx, first))(t)
	if second.RefreshToken == first {
		t.Fatal("the refresh token did not rotate")
	}
	must(w.nobody.As(second).Me(ctx))(t)
	third := must(w.nobody.Refresh(ctx, second.RefreshToken))(t)

	refused(w.nobody.Refresh(ctx, first))(t, http.StatusUnauthorized)
	refused(w.nobody.Refresh(ctx, third.RefreshToken))(t, http.StatusUnauthorized)

	must(w.nobody.Login(ctx, ana.person.Email, ana.person.Password))(t)
}

// Of two that use the same refresh token at once, at most one gets a session: the other is a reuse.
func TestRefreshTokensRace(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ana := w.customer()
	outcomes := together(8, func(int) (int, error) {
		answer, err := w.nobody.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/auth/refresh",
			Body: map[string]string{"refreshToken": ana.Session.RefreshToken}})
		return answer.Status, err
	})(t)
	if ok := count(outcomes, http.StatusOK); ok > 1 || ok+count(outcomes, http.StatusUnauthorized) != len(outcomes) {
		t.Errorf("one refresh token used eight times at once was answered %v", outcomes)
	}
}

func TestLogout(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana := t.Context(), w.customer()
	other := must(w.nobody.Login(ctx, ana.person.Email, ana.person.Password))(t)

	for range 2 { // also again, as for whoever did not hear the answer
		if err := w.nobody.Logout(ctx, ana.Session.RefreshToken); err != nil {
			t.Fatal(err)
		}
	}
	refused(w.nobody.Refresh(ctx, ana.Session.RefreshToken))(t, http.StatusUnauthorized)
	must(w.nobody.Refresh(ctx, other.Session.RefreshToken))(t) // the other session goes on
}

func TestRefreshWithNonsense(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	refused(w.nobody.Refresh(t.Context(), "nonsense"))(t, http.StatusUnauthorized)
}

// Changing somebody's roles ends their refresh tokens, so that old rights last no longer than an access token.
func TestRolesEndRefreshTokens(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana := t.Context(), w.customer()

	account := must(w.admin.SetRoles(ctx, ana.id, client.RoleCustomer, client.RoleStaff))(t)
	if account.UserID != ana.id || account.Email != ana.person.Email || account.Status != client.AccountActive || len(account.Roles) != 2 {
		t.Errorf("the account is %+v", account)
	}
	refused(w.nobody.Refresh(ctx, ana.Session.RefreshToken))(t, http.StatusUnauthorized)

	again := must(w.nobody.Login(ctx, ana.person.Email, ana.person.Password))(t)
	must(again.AddStock(ctx, w.dish(1, 100).ID, 1))(t) // now staff

	must(w.admin.SetRoles(ctx, ana.id, client.RoleCustomer))(t)
	back := must(w.nobody.Login(ctx, ana.person.Email, ana.person.Password))(t)
	refused(back.AddStock(ctx, w.dish(1, 100).ID, 1))(t, http.StatusForbidden)
}

func TestRolesThatCannotBe(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana := t.Context(), w.customer()
	refused(w.admin.SetRoles(ctx, ana.id, "king"))(t, http.StatusUnprocessableEntity)
	refused(w.admin.SetRoles(ctx, "00000000-0000-4000-8000-000000000000", client.RoleCustomer))(t, http.StatusNotFound)
	refused(ana.SetRoles(ctx, ana.id, client.RoleAdmin))(t, http.StatusForbidden)
	refused(w.nobody.SetRoles(ctx, ana.id, client.RoleAdmin))(t, http.StatusUnauthorized)
}
