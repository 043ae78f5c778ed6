package validate_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/validate"
)

func TestEmailHasOneForm(t *testing.T) {
	for want, all := range map[string][]string{
		"ana@example.com":             {"ana@example.com", " Ana@Example.COM\t", "\u3000ana@example.com", "ａｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ", "ana@example。com", "ANA@EXAMPLE｡COM", "ana@exam\u00adple.com"},
		"ana+x@example.com":           {"ANA+x@Example.com", "ana＋x@example.com"},
		"o'neil.a_b@sub.example.es":   {"O'Neil.A_B@Sub.Example.es"},
		"jos\u00e9@example.es":        {"jos\u00e9@example.es", "jose\u0301@example.es", "JOS\u00c9@EXAMPLE.ES", "JOSE\u0301@example.es"},
		"ana@xn--mnchen-3ya.de":       {"ana@münchen.de", "ana@mu\u0308nchen.de", "ANA@MÜNCHEN.DE", "ana@xn--mnchen-3ya.de", "ana@XN--MNCHEN-3YA.DE", "ana@xn--MNCHEN-3ya.de"},
		"ana@xn--strae-oqa.de":        {"ana@straße.de", "ana@xn--strae-oqa.de"},
		"мария@xn--e1afmkfd.xn--p1ai": {"мария@пример.рф", "МАРИЯ@ПРИМЕР.РФ"},
		"οδοσ@example.gr":             {"ΟΔΟΣ@example.gr", "οδος@example.gr", "οδοσ@example.gr"},
		"kelvin@example.com":          {"\u212aelvin@example.com"},
		"日本@xn--wgv71a.jp":            {"日本@日本.jp"},
		"ana@localhost":               {"ana@localhost"},
	} {
		for _, address := range all {
			if got, ok := validate.Email(address); got != want || !ok {
				t.Errorf("%+q: got %q, %v, want %q", address, got, ok, want)
			}
		}
	}
}

func TestEmailRefuses(t *testing.T) {
	label := strings.Repeat("b", 61) + "." // 62 bytes
	local := strings.Repeat("a", 64)
	if longest := local + "@" + label + label + label + "es"; len(longest) != 253 {
		t.Fatalf("got %d bytes, want 253", len(longest))
	} else if got, ok := validate.Email(longest); got != longest || !ok {
		t.Errorf("%d bytes: got %q, %v, want it unchanged", len(longest), got, ok)
	}
	if longest := local + "@" + label + label + label + "com"; len(longest) != 254 {
		t.Fatalf("got %d bytes, want 254", len(longest))
	} else if _, ok := validate.Email(longest); !ok {
		t.Error("254 bytes: got no, want yes")
	}
	for _, address := range []string{
		"", "ana", "ana@", "@example.com", "@", "Ana <ana@example.com>", "<ana@example.com>", "ana@example.com (Ana)",
		"ana@example.com, eva@example.com",
		"a na@example.com", "ana@exa mple.com", "ana\x00@example.com", "ana@example.com\r\nBcc: eva@example.com",
		"a\u202ena@example.com", "a\u200ena@example.com",
		`"ana"@example.com`, `"a na"@example.com`, "a@b@example.com", ".ana@example.com", "ana.@example.com", "a..na@example.com",
		"ana@example.com.", "ana@example.com。", "ana@.example.com", "ana@example..com", "ana@-example.com", "ana@my_host.com",
		"ana@[127.0.0.1]",
		"ana@xn--a.com", "ana@" + strings.Repeat("b", 64) + ".es", // 63 bytes is the limit of a label
		local + "a@example.com", local + "@" + label + label + label + "info", strings.Repeat("é", 33) + "@example.com",
		"a\u200bna@example.com", "a\u00adna@example.com", "\ufeffana@example.com", "\u3164@example.com",
		"a\u115fb@example.com", "😀@example.com", "ﬁ@example.com",
		"ana\u2028@example.com", "an\ue000a@example.com", "אa@example.com", "ana\xff@example.com", "ana@exam\xffple.com",
		strings.Repeat("a", 100_000) + "@b.es",
	} {
		if got, ok := validate.Email(address); ok || got != "" {
			t.Errorf("%+.80q: got %q, %v, want no", address, got, ok)
		}
	}
}

func FuzzEmail(f *testing.F) {
	for _, seed := range []string{"ana@example.com", "JOSE\u0301@münchen.de", "ΟΔΟΣ@ＥＸＡＭＰＬＥ。ｃｏｍ", "İ\u0307@ß.de", "\u212a@a.b", "\u1e9b\u0323@x.y", "ana@xn--mnchen-3ya.de"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		once, ok := validate.Email(address)
		if other, also := validate.Email(norm.NFD.String(address)); len(address) < 100 && (other != once || also != ok) {
			t.Errorf("%+q: got %+q, %v, in NFD %+q, %v", address, once, ok, other, also)
		}
		if !ok {
			return
		}
		if twice, ok := validate.Email(once); twice != once || !ok {
			t.Errorf("%+q: got %+q and then %+q, %v", address, once, twice, ok)
		}
		if upper, ok := validate.Email(strings.ToUpper(once)); ok && strings.ToLower(strings.ToUpper(once)) == once && upper != once {
			t.Errorf("%+q: got %+q, in capitals %+q", address, once, upper)
		}
		if len(once) > 254 || !norm.NFC.IsNormalString(once) || strings.ContainsFunc(once, isForbidden) || strings.Count(once, "@") != 1 {
			t.Errorf("%+q: got %+q", address, once)
		}
	})
}
