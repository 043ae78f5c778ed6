package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestOutcomeOfEachStatus(t *testing.T) {
	active := NewProfile(event.UserToCreate{UserID: "1", Name: "Ana"}, noon)
	for name, tc := range map[string]struct {
		profile Profile
		want    string
		reason  string
		silent  bool
	}{
		"active": {profile: active, want: event.UserCreated},
		"rejected": {profile: NewRejected("1", event.ReasonPhoneTaken, noon), want: event.UserRejected,
			reason: event.ReasonPhoneTaken},
		"tombstone": {profile: NewCancelled("1", "timed_out", noon), silent: true},
	} {
		got, ok := tc.profile.Outcome()
		if ok == tc.silent || got.Outcome != tc.want || got.Reason != tc.reason {
			t.Errorf("%s: got %+v, %v, want outcome %q, reason %q, %v", name, got, ok, tc.want, tc.reason, !tc.silent)
		}
	}
}

func TestCancelRemovesPersonalData(t *testing.T) {
	profile := NewProfile(event.UserToCreate{UserID: "1", Email: "ana@example.com", Name: "Ana", Phone: "+34600111222",
		Address: &event.Address{Street: "Calle 1"}}, noon)
	if changed, err := profile.Cancel("timed_out", noon.Add(time.Hour)); !changed || err != nil || profile.Version != 2 {
		t.Fatalf("got %+v (error: %v), want version 2", profile, err)
	}
	raw, err := json.Marshal(profile)
	if err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{"ana@example.com", "Ana", "600111222", "Calle"} {
		if strings.Contains(string(raw), personal) {
			t.Errorf("the tombstone contains %q: %s", personal, raw)
		}
	}
	if changed, err := profile.Cancel("timed_out", noon); changed || err != nil {
		t.Errorf("a second cancellation: got changed %t (error: %v), want no change", changed, err)
	}
}

func parseEdit(t *testing.T, body string) Edit {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPatch, "/users/me", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	edit, err := decodeEdit(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	return edit
}

func TestApplyChangesWhatTheEditNames(t *testing.T) {
	home := event.Address{Street: "Calle 1", City: "León", PostalCode: "24001", Country: "ES"}
	before := Profile{ID: "1", Status: Active, Name: "Ana", Phone: "+34600111222", Address: &home, Version: 1, UpdatedAt: noon}
	for name, tc := range map[string]struct {
		body    string
		changed bool
		want    func(*Profile)
	}{
		"nothing":       {`{}`, false, func(*Profile) {}},
		"the same":      {`{"name":" Ana ","phone":"0034 600 111 222"}`, false, func(*Profile) {}},
		"a name":        {`{"name":"Eva"}`, true, func(p *Profile) { p.Name = "Eva" }},
		"another phone": {`{"phone":"+34 600 111 333"}`, true, func(p *Profile) { p.Phone = "+34600111333" }},
		"phone removed": {`{"phone":null}`, true, func(p *Profile) { p.Phone = "" }},
		"no address":    {`{"address":null}`, true, func(p *Profile) { p.Address = nil }},
		"the same address": {`{"address":{"street":"Calle 1","city":"León","postalCode":"24001","country":"es"}}`, false,
			func(*Profile) {}},
		"another address": {`{"address":{"street":"Rua 2","city":"Porto","postalCode":"4000","country":"pt"}}`, true, func(p *Profile) {
			p.Address = &event.Address{Street: "Rua 2", City: "Porto", PostalCode: "4000", Country: "PT"}
		}},
		"phone and name": {`{"name":"Eva","phone":null}`, true, func(p *Profile) { p.Name, p.Phone = "Eva", "" }},
	} {
		edit, err := parseEdit(t, tc.body).Check()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, want := before, before
		tc.want(&want)
		if tc.changed {
			want.Version, want.UpdatedAt = 2, noon.Add(time.Hour)
		}
		changed := got.Apply(edit, noon.Add(time.Hour))
		if changed != tc.changed || !sameAddress(got.Address, want.Address) {
			t.Errorf("%s: got changed %v, address %v, want %v, %v", name, changed, got.Address, tc.changed, want.Address)
		}
		got.Address, want.Address = nil, nil
		if !cmp.Equal(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

func TestEditNamesEveryWrongField(t *testing.T) {
	_, err := parseEdit(t, `{"name":null,"phone":"12",
		"address":{"street":"a","city":"b","postalCode":"","country":"Spain"}}`).Check()
	var names []string
	for _, field := range fault.From(err).Fields {
		names = append(names, field.Field)
	}
	if got := strings.Join(names, " "); got != "name phone address.postalCode address.country" {
		t.Fatalf("got wrong fields %s", got)
	}
}

func TestEditRejectsControlCharactersInNames(t *testing.T) {
	for _, body := range []string{`{"name":"A\u0007na"}`, `{"name":"A\nna"}`, `{"name":"A\u202ena"}`, `{"name":"  "}`,
		`{"name":"\u200b"}`, `{"name":"\u3164"}`, `{"name":"\u2800"}`, `{"name":"\u2067Ana"}`} {
		if _, err := parseEdit(t, body).Check(); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: got %v, want Invalid", body, err)
		}
	}
}

func TestEditIsNormalised(t *testing.T) {
	edit, err := parseEdit(t, `{"name":"\u3000Jose\u0301\u200b ","phone":"\u202a+٣٤\u00a0６００ 111 222\u202c"}`).Check()
	if err != nil || *edit.Name.value != "José" || *edit.Phone.value != "+34600111222" {
		t.Fatalf("got %+v, %v, want José and +34600111222", edit, err)
	}
}
