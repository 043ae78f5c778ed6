package main

import (
	"testing"
	"time"

	"comanda/services/internal/token"
)

func TestJudge(t *testing.T) {
	active, demoted := settled(Active, ""), settled(Active, "")
	demoted.Grant([]string{token.Customer, token.Staff}, noon)
	month := noon.Add(refreshTTL)
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	for name, tc := range map[string]struct {
		ticket  ticket
		account Account
		want    verdict
	}{
		"good":                            {ticket{Epoch: 1, Expires: month}, active, rotate},
		"expired":                         {ticket{Epoch: 1, Expires: noon}, active, refuse},
		"of an earlier epoch":             {ticket{Epoch: 1, Expires: month}, demoted, revoke},
		"of no account":                   {ticket{Epoch: 1, Expires: month}, Account{}, revoke},
		"of a rejected account":           {ticket{Epoch: 1, Expires: month}, settled(Rejected, "x"), revoke},
		"spent by this very request":      {ticket{Epoch: 1, Expires: month, Spent: ago(time.Second), Same: true}, active, repeat},
		"spent by it, but long ago":       {ticket{Epoch: 1, Expires: month, Spent: ago(repeatTime), Same: true}, active, revoke},
		"spent by another":                {ticket{Epoch: 1, Expires: month, Spent: ago(0)}, active, revoke},
		"spent, and the roles are others": {ticket{Epoch: 1, Expires: month, Spent: ago(0), Same: true}, demoted, revoke},
	} {
		if got := judge(tc.ticket, tc.account, noon); got != tc.want {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
}

func TestSuccessorsFollowFromTokenKeyAndSecret(t *testing.T) {
	one, err := newRotation(secret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newRotation(append(token.Secret("x"), secret...))
	if err != nil {
		t.Fatal(err)
	}
	shown := newRefreshToken()
	next := one.successor(shown, "k")
	if next != one.successor(shown, "k") {
		t.Error("the same request has another answer")
	}
	for name, different := range map[string]refreshToken{
		"another key": one.successor(shown, "l"), "another token": one.successor(newRefreshToken(), "k"), "another secret": other.successor(shown, "k"),
	} {
		if different == next {
			t.Errorf("%s: the same successor", name)
		}
	}
}

func TestParseRefreshToken(t *testing.T) {
	shown := newRefreshToken()
	if got, ok := parseRefreshToken(shown.String()); !ok || got != shown {
		t.Error("a token does not survive its text")
	}
	for _, text := range []string{"", "nonsense", shown.String()[1:], shown.String() + "A", shown.String() + "="} {
		if _, ok := parseRefreshToken(text); ok {
			t.Errorf("%q is taken for a token", text)
		}
	}
}
