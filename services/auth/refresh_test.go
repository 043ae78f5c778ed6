package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestJudgeToken(t *testing.T) {
	active, demoted := decidedAccount(Active, ""), decidedAccount(Active, "")
	demoted.GrantRoles([]string{token.Customer, token.Staff}, noon)
	changed, suspended := decidedAccount(Active, ""), decidedAccount(Active, "")
	changed.ChangePassword("hash", "f", "request", noon)
	if _, err := suspended.SetStatus(Suspended, "", noon); err != nil {
		t.Fatal(err)
	}
	month, end := noon.Add(refreshTTL), noon
	ago := func(d time.Duration) *time.Time { at := noon.Add(-d); return &at }
	const maxAge = 90 * 24 * time.Hour
	successor := []byte("its hash")
	for name, tc := range map[string]struct {
		token   storedToken
		account Account
		want    verdict
	}{
		"good":                          {storedToken{Epoch: 1, Started: noon, Expires: &month}, active, rotate},
		"spent, and its row deleted":    {storedToken{Epoch: 1, Started: noon}, active, reused},
		"of a session that is too old":  {storedToken{Epoch: 1, Started: noon.Add(-maxAge), Expires: &month}, active, revoke},
		"of a session about to be that": {storedToken{Epoch: 1, Started: noon.Add(1 - maxAge), Expires: &month}, active, rotate},
		"expired":                       {storedToken{Epoch: 1, Started: noon, Expires: &end}, active, refuse},
		"earlier epoch":                 {storedToken{Epoch: 1, Started: noon, Expires: &month}, demoted, revoke},
		"of the kept session":           {storedToken{Family: "f", Epoch: 1, Started: noon, Expires: &month}, changed, rotate},
		"of another session":            {storedToken{Family: "g", Epoch: 1, Started: noon, Expires: &month}, changed, revoke},
		"without a session":             {storedToken{Epoch: 1, Started: noon, Expires: &month}, demoted, revoke},
		"suspended account":             {storedToken{Epoch: 2, Started: noon, Expires: &month}, suspended, revoke},
		"unknown account":               {storedToken{Epoch: 1, Started: noon, Expires: &month}, Account{}, revoke},
		"rejected account":              {storedToken{Epoch: 1, Started: noon, Expires: &month}, decidedAccount(Rejected, "x"), revoke},
		"spent by the same request":     {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(time.Second), Next: successor}, active, repeat},
		"same request, but long ago":    {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(repeatTime), Next: successor}, active, reused},
		"just spent by another":         {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(0)}, active, late},
		"spent in the other tab":        {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(graceTime - 1)}, active, late},
		"spent by another request":      {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(graceTime)}, active, reused},
		"spent, and the roles changed":  {storedToken{Epoch: 1, Started: noon, Expires: &month, Spent: ago(0), Next: successor}, demoted, revoke},
	} {
		if got := judgeToken(tc.token, tc.account, maxAge, noon); got != tc.want {
			t.Errorf("%s: got verdict %v, want %v", name, got, tc.want)
		}
	}
}

func TestSuccessorDependsOnTokenKeyAndSecret(t *testing.T) {
	one := newRotation(token.Keys{Current: servicetest.Secret})
	other := newRotation(token.Keys{Current: append(token.Secret("x"), servicetest.Secret...)})
	family := uuid.New()
	successor := func(r rotation, t refreshToken, key string) refreshToken { return r.successors(t, family, key)[0] }
	presented := newRefreshToken(family)
	next := successor(one, presented, "k")
	if next != successor(one, presented, "k") || next.family != family {
		t.Error("the same request gets different successors, or one of another family")
	}
	for name, different := range map[string]refreshToken{
		"another key": successor(one, presented, "l"), "another token": successor(one, newRefreshToken(family), "k"),
		"another secret": successor(other, presented, "k"),
	} {
		if different == next {
			t.Errorf("%s: got the same successor, want a different one", name)
		}
	}
}

func TestParseRefreshToken(t *testing.T) {
	presented := newRefreshToken(uuid.New())
	for _, want := range []refreshToken{presented, {secret: presented.secret}} { // the second is of an earlier version
		if got, ok := parseRefreshToken(want.String()); !ok || got != want {
			t.Errorf("got %v, %v, want the token that was encoded", got, ok)
		}
	}
	for _, text := range []string{"", "nonsense", presented.String()[1:], presented.String() + "A", presented.String() + "=",
		strings.Repeat("A", len(presented.String()))} {
		if _, ok := parseRefreshToken(text); ok {
			t.Errorf("%q: parsed as a token, want an error", text)
		}
	}
}
