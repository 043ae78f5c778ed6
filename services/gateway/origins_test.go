package main

import (
	"slices"
	"testing"
)

// A browser sends an origin in one form. The setting accepts the forms that people write, and refuses a value that no browser could send.
func TestOriginsTakeTheFormThatBrowsersSend(t *testing.T) {
	for text, want := range map[string][]string{
		"http://a, http://b/":               {"http://a", "http://b"},
		" https://App.Example.com ":         {"https://app.example.com"},
		"HTTPS://app.example.com:443":       {"https://app.example.com"},
		"http://localhost:3000,":            {"http://localhost:3000"},
		"http://a:80,https://a:80":          {"http://a", "https://a:80"},
		"https://bücher.example":            {"https://xn--bcher-kva.example"},
		"http://127.0.0.1:5173":             {"http://127.0.0.1:5173"},
		"http://[::1]:5173,http://[::1]:80": {"http://[::1]:5173", "http://[::1]"},
	} {
		var got origins
		if err := got.UnmarshalText([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"*", "null", "app.example.com", "https://*.example.com", "https://a/path", "https://a?x=1", "https://a#x", "https://user:pw@a",
		"ftp://a", "https://", "https://a https://b", "http://a;http://b", "//a", "https://a:port",
	} {
		if err := new(origins).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}
