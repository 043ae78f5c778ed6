package validate

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"comanda/services/event"
)

// FuzzEmail looks for an address whose canonical form changes when it is checked again, or has characters that end a line or an address.
func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"ana@example.com", "Ana@Bücher.example", "a@b@c", "ſ@ß.de", "a\u200d@x.org", "\"a b\"@x.org", "a@[127.0.0.1]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		canonical, ok := Email(address)
		if !ok {
			return
		}
		if again, ok := Email(canonical); !ok || again != canonical {
			t.Fatalf("%+q: got %+q, and from that %+q, %v", address, canonical, again, ok)
		}
		if len(canonical) > maxEmail || strings.ContainsAny(canonical, " ,;<>\"\r\n\x00") || strings.Count(canonical, "@") != 1 {
			t.Fatalf("%+q: got %+q", address, canonical)
		}
	})
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{2,16}$`) // E.164 allows 15 digits; some plans that the library knows have more

// FuzzPhone looks for a number whose result is not in E.164, or changes when it is checked again.
func FuzzPhone(f *testing.F) {
	for _, seed := range []string{"+34 600 111 222", "0034600111222", "+٣٤ ٦٠٠ ١١١ ٢٢٢", "+1", "++34600111222", "+39 06 698",
		"+460001110222"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, number string) {
		got, err := Phone("phone", number)
		if err != nil {
			return
		}
		if again, err := Phone("phone", got); err != nil || again != got || !e164.MatchString(got) {
			t.Fatalf("%+q: got %+q, and from that %+q, %v", number, got, again, err)
		}
	})
}

// FuzzPassword looks for a password that has two forms.
func FuzzPassword(f *testing.F) {
	for _, seed := range []string{"correct horse", "pa\u00a0ss\u3000word", "é", "e\u0301", "\xff", "a\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, password string) {
		prepared, ok := Password(password)
		if !ok {
			return
		}
		if again, ok := Password(prepared); !ok || again != prepared || !utf8.ValidString(prepared) {
			t.Fatalf("%+q: got %+q, and from that %+q, %v", password, prepared, again, ok)
		}
	})
}

// FuzzAddress looks for an address that passes and is refused when it is checked again.
func FuzzAddress(f *testing.F) {
	f.Add("Calle Mayor 1", "Madrid", "28013", "ES")
	f.Add("", "\u202e", "\x00", "es")
	f.Fuzz(func(t *testing.T, street, city, postalCode, country string) {
		got, wrong := Address("address", event.Address{Street: street, City: city, PostalCode: postalCode, Country: country})
		if len(wrong) > 0 {
			return
		}
		if again, wrong := Address("address", got); len(wrong) > 0 || again != got {
			t.Fatalf("got %+q, and from that %+q, %v", got, again, wrong)
		}
	})
}
