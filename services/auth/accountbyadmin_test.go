package main

import (
	"encoding/json"
	"testing"
)

// Admins find an account by its e-mail, in every form in which the person may write it.
func TestAdminsFindAnAccountByEmail(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@bücher.example")
	for email, want := range map[string]string{
		"ana@bücher.example": id, " ANA@xn--bcher-kva.example ": id, "an@bücher.example": "", "%@bücher.example": "",
	} {
		got := h.Request(t, boss, "POST", "/auth/accounts/search", `{"email":"`+email+`"}`)
		var list struct{ Items []accountResponse }
		if err := json.Unmarshal([]byte(got.Body), &list); err != nil || got.Code != 200 {
			t.Fatalf("%s: got %d %s, %v", email, got.Code, got.Body, err)
		}
		if want == "" && len(list.Items) > 0 || want != "" && (len(list.Items) != 1 || list.Items[0].UserID != want || list.Items[0].Status != Active) {
			t.Errorf("%s: got %+v, want the account %q", email, list.Items, want)
		}
	}
	for _, body := range []string{`{}`, `{"email":""}`, `{"email":"ana"}`, `{"email":"ana@example.com","name":"Ana"}`} {
		if got := h.Request(t, boss, "POST", "/auth/accounts/search", body); got.Code != 422 {
			t.Errorf("%s: got %d %s, want 422", body, got.Code, got.Body)
		}
	}
}
