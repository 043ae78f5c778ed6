package main

import (
	"testing"
	"time"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestJudgeToken(t *testing.T) {
	active, demoted := decidedAccount(Active, ""), decidedAccount(Active, "")
	demoted.GrantRoles([]string{token.Customer, token.Staff}, noon)
	month := noon.Add(refreshTTL)
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	for name, tc := range map[string]struct {
		token   storedToken
		account Account
		want    verdict
	}{
		"good":                         {storedToken{Epoch: 1, Expires: month}, active, rotate},
		"expired":                      {storedToken{Epoch: 1, Expires: noon}, active, refuse},
		"earlier epoch":                {storedToken{Epoch: 1, Expires: month}, demoted, revoke},
		"unknown account":              {storedToken{Epoch: 1, Expires: month}, Account{}, revoke},
		"rejected account":             {storedToken{Epoch: 1, Expires: month}, decidedAccount(Rejected, "x"), revoke},
		"spent by the same request":    {storedToken{Epoch: 1, Expires: month, Spent: ago(time.Second), Same: true}, active, repeat},
		"same request, but long ago":   {storedToken{Epoch: 1, Expires: month, Spent: ago(repeatTime), Same: true}, active, revoke},
		"just spent by another":        {storedToken{Epoch: 1, Expires: month, Spent: ago(0)}, active, late},
		"spent in the other tab":       {storedToken{Epoch: 1, Expires: month, Spent: ago(graceTime - 1)}, active, late},
		"spent by another request":     {storedToken{Epoch: 1, Expires: month, Spent: ago(graceTime)}, active, revoke},
		"spent, and the roles changed": {storedToken{Epoch: 1, Expires: month, Spent: ago(0), Same: true}, demoted, revoke},
	} {
		if got := judgeToken(tc.token, tc.account, noon); got != tc.want {
			t.Errorf("%s: got verdict %v, want %v", name, got, tc.want)
		}
	}
}

func TestSuccessorDependsOnTokenKeyAndSecret(t *testing.T) {
	one, err := newRotation(servicetest.Secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newRotation(append(token.Secret("x"), servicetest.Secret...))
	if err != nil {
		t.Fatal(err)
	}
	presented := newRefreshToken()
	next := one.successor(presented, "k")
	if next != one.successor(presented, "k") {
		t.Error("the same request gets different successors")
	}
	for name, different := range map[string]refreshToken{
		"another key": one.successor(presented, "l"), "another token": one.successor(newRefreshToken(), "k"),
		"another secret": other.successor(presented, "k"),
	} {
		if different == next {
			t.Errorf("%s: got the same successor, want a different one", name)
		}
	}
}

func TestParseRefreshToken(t *testing.T) {
	presented := newRefreshToken()
	if got, ok := parseRefreshToken(presented.String()); !ok || got != presented {
		t.Errorf("got %v, %v, want the token that was encoded", got, ok)
	}
	for _, text := range []string{"", "nonsense", presented.String()[1:], presented.String() + "A", presented.String() + "="} {
		if _, ok := parseRefreshToken(text); ok {
			t.Errorf("%q: parsed as a token, want an error", text)
		}
	}
}
