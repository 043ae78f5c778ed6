package rest_test

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

func TestBodyHeaders(t *testing.T) {
	const json = "application/json"
	for _, tc := range []struct {
		name, body string
		headers    []string
		kind       fault.Kind // KindInternal for no error
		accept     string     // the response header that says what is accepted
	}{
		{"JSON", "{}", []string{"Content-Type", json}, 0, ""},
		{"upper case", "{}", []string{"Content-Type", "Application/JSON"}, 0, ""},
		{"utf-8", "{}", []string{"Content-Type", json + "; charset=utf-8"}, 0, ""},
		{"UTF-8 in quotes", "{}", []string{"Content-Type", json + `;charset="UTF-8"`}, 0, ""},
		{"another parameter", "{}", []string{"Content-Type", json + "; version=1"}, 0, ""},
		{"a trailing semicolon", "{}", []string{"Content-Type", json + ";"}, 0, ""},
		{"latin-1", "{}", []string{"Content-Type", json + "; charset=iso-8859-1"}, fault.KindMediaType, "Accept"},
		{"utf-16", "{}", []string{"Content-Type", json + "; charset=utf-16"}, fault.KindMediaType, "Accept"},
		{"no charset", "{}", []string{"Content-Type", json + "; charset"}, fault.KindMediaType, "Accept"},
		{"no type", "{}", nil, fault.KindMediaType, "Accept"},
		{"an empty type", "{}", []string{"Content-Type", ""}, fault.KindMediaType, "Accept"},
		{"text", "{}", []string{"Content-Type", "text/plain"}, fault.KindMediaType, "Accept"},
		{"like JSON", "{}", []string{"Content-Type", "application/jsonx"}, fault.KindMediaType, "Accept"},
		{"a merge patch", "{}", []string{"Content-Type", "application/merge-patch+json"}, 0, ""},
		{"another patch", "{}", []string{"Content-Type", "application/json-patch+json"}, fault.KindMediaType, "Accept"},
		{"two types", "{}", []string{"Content-Type", json, "Content-Type", json}, fault.KindMalformed, ""},
		{"two types in one", "{}", []string{"Content-Type", json + ", " + json}, fault.KindMediaType, "Accept"},

		{"identity", "{}", []string{"Content-Type", json, "Content-Encoding", "Identity"}, 0, ""},
		{"an empty coding", "{}", []string{"Content-Type", json, "Content-Encoding", ""}, 0, ""},
		{"gzip", "{}", []string{"Content-Type", json, "Content-Encoding", "gzip"}, fault.KindMediaType, "Accept-Encoding"},
		{"two codings", "{}", []string{"Content-Type", json, "Content-Encoding", "identity, br"}, fault.KindMediaType,
			"Accept-Encoding"},
		{"two headers", "{}", []string{"Content-Type", json, "Content-Encoding", "identity", "Content-Encoding", "zstd"},
			fault.KindMediaType, "Accept-Encoding"},
		{"gzip of another type", "{}", []string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, fault.KindMediaType,
			"Accept-Encoding"},

		{"empty", "", []string{"Content-Type", json}, 0, ""},
		{"empty, of another type", "", []string{"Content-Type", "text/plain", "Content-Encoding", "gzip"}, 0, ""},
		{"empty, no type", "", nil, 0, ""},
		{"white space", " \n", []string{"Content-Type", json}, fault.KindMalformed, ""},
		{"too large", `"` + strings.Repeat("x", rest.DefaultBody) + `"`, []string{"Content-Type", json}, fault.KindTooLarge, ""},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("PATCH", "/", strings.NewReader(tc.body))
			if chunked {
				r = httptest.NewRequest("PATCH", "/", io.MultiReader(bytes.NewReader([]byte(tc.body)))) // of unknown length
			}
			for i := 0; i < len(tc.headers); i += 2 {
				r.Header.Add(tc.headers[i], tc.headers[i+1])
			}
			w := httptest.NewRecorder()
			body, err := rest.OptionalBody(w, r)
			if tc.kind == 0 && (err != nil || string(body) != tc.body || (tc.body == "") != (body == nil)) {
				t.Errorf("%s, chunked %t: got %q, %v, want the body", tc.name, chunked, body, err)
			}
			if tc.kind != 0 && !fault.Is(err, tc.kind) {
				t.Errorf("%s, chunked %t: got %v, want kind %d", tc.name, chunked, err, tc.kind)
			}
			accepted := map[string]string{"Accept": json, "Accept-Encoding": "identity"}
			for name, value := range accepted {
				if got := w.Header().Get(name); (tc.accept == name) != (got == value) {
					t.Errorf("%s: got %s %q", tc.name, name, got)
				}
			}
			if got := w.Header().Get("Accept-Patch"); (got != "") != (tc.accept == "Accept") {
				t.Errorf("%s: got Accept-Patch %q", tc.name, got)
			}
		}
	}
}

func TestBodyIsRequiredUnlessOptional(t *testing.T) {
	var v struct{ A int }
	empty := func() io.Reader { return io.MultiReader() } // chunked
	err := rest.Decode(httptest.NewRecorder(), httptest.NewRequest("POST", "/", empty()), &v)
	if !fault.Is(err, fault.KindMalformed) {
		t.Errorf("Decode of an empty body: got %v, want Malformed", err)
	}
	if err := rest.DecodeOptional(httptest.NewRecorder(), httptest.NewRequest("POST", "/", empty()), &v); err != nil {
		t.Errorf("DecodeOptional of an empty body: got %v, want none", err)
	}
}

// Only a PATCH can have a merge patch as its body.
func TestMergePatchIsForPatchOnly(t *testing.T) {
	r := httptest.NewRequest("POST", "/", strings.NewReader("{}"))
	r.Header.Set("Content-Type", "application/merge-patch+json")
	w := httptest.NewRecorder()
	if _, err := rest.Body(w, r); !fault.Is(err, fault.KindMediaType) || w.Header().Get("Accept-Patch") != "" {
		t.Errorf("got %v, Accept-Patch %q, want a 415 without it", err, w.Header().Get("Accept-Patch"))
	}
}

func TestRefuseBody(t *testing.T) {
	for _, tc := range []struct {
		name   string
		body   io.Reader
		refuse bool
	}{
		{"none", nil, false},
		{"a length of 0", strings.NewReader(""), false},
		{"chunked and empty", io.MultiReader(), false},
		{"a length", strings.NewReader("x"), true},
		{"chunked", io.MultiReader(strings.NewReader("x")), true},
	} {
		err := rest.RefuseBody(httptest.NewRecorder(), httptest.NewRequest("GET", "/", tc.body))
		if fault.Is(err, fault.KindMalformed) != tc.refuse || !tc.refuse && err != nil {
			t.Errorf("%s: got %v, want refused %t", tc.name, err, tc.refuse)
		}
	}
}
