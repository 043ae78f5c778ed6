package rest_test

import (
	"net/http/httptest"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// FuzzIdempotencyKey looks for a key that passes although another program on the way could read it differently.
func FuzzIdempotencyKey(f *testing.F) {
	for _, seed := range []string{"a", "", "a\x00b", "ü", "6b9a8f5e-0b7e-4b0c-9d5f-0d2a3b1c4d5e", " a "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		r := httptest.NewRequest("POST", "/orders", nil)
		r.Header[rest.IdempotencyHeader] = []string{sent}
		key, err := rest.IdempotencyKey(r)
		if err != nil {
			if !fault.Is(err, fault.KindMalformed) {
				t.Fatalf("%q: got %v, want Malformed", sent, err)
			}
			return
		}
		if key != sent || key == "" || len(key) > 200 {
			t.Fatalf("%q: got the key %q", sent, key)
		}
		for _, c := range []byte(key) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q: the byte %#x passed", sent, c)
			}
		}
	})
}
