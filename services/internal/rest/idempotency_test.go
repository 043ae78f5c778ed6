package rest_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

func TestIdempotencyKey(t *testing.T) {
	for name, tc := range map[string]struct {
		values []string
		want   string // "" means Malformed
	}{
		"a plain key":    {[]string{"k-1"}, "k-1"},
		"a quoted key":   {[]string{`"8e03978e-40d5-43dd-bc93-6894a57f9324"`}, `"8e03978e-40d5-43dd-bc93-6894a57f9324"`},
		"200 characters": {[]string{strings.Repeat("k", 200)}, strings.Repeat("k", 200)},
		"201 characters": {[]string{strings.Repeat("k", 201)}, ""},
		"an empty key":   {[]string{""}, ""},
		"two keys":       {[]string{"a", "b"}, ""},
		"a control code": {[]string{"a\x01"}, ""},
		"not ASCII":      {[]string{"é"}, ""},
		"not UTF-8":      {[]string{"a\xff"}, ""},
	} {
		r := httptest.NewRequest("POST", "/orders", nil)
		r.Header["Idempotency-Key"] = tc.values
		got, err := rest.IdempotencyKey(r)
		if got != tc.want || (tc.want == "") != fault.Is(err, fault.KindMalformed) {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, tc.want)
		}
	}
}

func TestRequestsWithoutAnIdempotencyKeyGetDifferentKeys(t *testing.T) {
	first, _ := rest.IdempotencyKey(httptest.NewRequest("POST", "/", nil))
	second, _ := rest.IdempotencyKey(httptest.NewRequest("POST", "/", nil))
	if first == second || uuid.Validate(first) != nil {
		t.Errorf("got %q and %q, want two different UUIDs", first, second)
	}
}

func TestIDsFromKeysKeepPurposeOwnerAndKeyApart(t *testing.T) {
	seen := map[string]bool{}
	for _, parts := range [][3]string{{"order", "a", "k"}, {"order", "a", "l"}, {"order", "b", "k"}, {"product", "a", "k"},
		{"order", "ak", ""}} {
		id := rest.IDFromKey(parts[0], parts[1], parts[2])
		if seen[id] || uuid.Validate(id) != nil {
			t.Errorf("%v: got %s, want a new UUID", parts, id)
		}
		seen[id] = true
	}
	if again := rest.IDFromKey("order", "a", "k"); !seen[again] {
		t.Error("the same purpose, owner and key give another id")
	}
}

func TestFingerprint(t *testing.T) {
	type request struct{ A, B string }
	first := rest.Fingerprint(request{"1", "2"})
	if again := rest.Fingerprint(request{"1", "2"}); again != first {
		t.Error("equal requests have different fingerprints")
	}
	if rest.Fingerprint(request{"12", ""}) == first {
		t.Error("different requests have the same fingerprint")
	}
}
