package tracing_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"comanda/services/internal/tracing"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestTheTraceGoesThrough(t *testing.T) {
	for header, want := range map[string]string{
		parent: parent,
		"":     "",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01": "", // the standard's invalid id
		"nonsense": "",
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("traceparent", header)
		got := tracing.From(r.Context(), r)
		if tracing.Parent(got) != want {
			t.Errorf("%q: got %q", header, tracing.Parent(got))
		}
		if want != "" && tracing.ID(got) != "0af7651916cd43dd8448eb211c80319c" || want == "" && tracing.ID(got) != "" {
			t.Errorf("%q: id %q", header, tracing.ID(got))
		}
		if without := tracing.Without(got); tracing.Parent(without)+tracing.ID(without) != "" {
			t.Errorf("%q: without still has %q", header, tracing.Parent(without))
		}
	}
}
