package validate_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/validate"
)

func TestOneEmailHasOneForm(t *testing.T) {
	for want, forms := range map[string][]string{
		"ana@example.com": {"ana@example.com", "ANA@Example.COM", " ana@example.com\u00a0", "\ufeffana@example.com\u200b",
			"ａｎａ＠ｅｘａｍｐｌｅ．ｃｏｍ",
			"ana@exam\u00adple.com", "ana@example。com", "\u200eana@example.com"},
		"ana+x.y@example.com":      {"Ana+X.y@example.com"},
		"o'brien#1!{}@example.com": {"O'Brien#1!{}@example.com"},
		"josé@example.es":          {"jose\u0301@example.es", "JOSÉ@example.es", "JOSE\u0301@EXAMPLE.es"},
		"ana@xn--bcher-kva.example": {"ana@BÜCHER.example", "ana@bu\u0308cher.example", "ana@xn--bcher-kva.example",
			"ana@XN--BCHER-KVA.example"},
		"ana@xn--strae-oqa.de":       {"ana@straße.de"},
		"иван@xn--e1afmkfd.xn--p1ai": {"Иван@ПРИМЕР.рф", "иван@xn--e1afmkfd.xn--p1ai"},
		"用户@xn--fsqu00a.xn--0zwm56d": {"用户@例子.测试"},
		"משתמש@xn--6dbbec0c.test":    {"משתמש@דוגמה.test"},
		"οδοσ@example.gr":            {"ΟΔΟΣ@example.gr", "οδος@example.gr", "οδοσ@example.gr"},
		"ana@localhost":              {"ana@localhost"},
	} {
		for _, form := range forms {
			if got, ok := validate.Email(form); got != want || !ok {
				t.Errorf("%+q: got %q, %v, want %q", form, got, ok, want)
			}
		}
		for _, form := range []string{want, norm.NFD.String(want)} {
			if got, ok := validate.Email(form); got != want || !ok {
				t.Errorf("%+q: got %q, %v, want it unchanged", form, got, ok)
			}
		}
	}
}

func TestWhatIsNoEmailIsRefused(t *testing.T) {
	label := strings.Repeat("b", 62) + "."
	longest := strings.Repeat("a", 64) + "@" + label + label + label[:60] + ".es" // 254 bytes
	if got, ok := validate.Email(longest); got != longest || !ok || len(longest) != 254 {
		t.Errorf("an address of %d bytes: got %q, %v, want it accepted", len(longest), got, ok)
	}
	for _, address := range []string{"", "ana", "ana@", "@example.com", "Ana <ana@example.com>", "ana@example.com (Ana)",
		"<ana@example.com>",
		"ana@example.com, eva@example.com", "a na@example.com", "ana@exa mple.com", "ana\x00@example.com",
		"\u202eana@example.com", "\u2066ana@example.com", "ana@\ufffd.com", "ana@example.com\r\nBcc: eva@example.com",
		"a\u202ena@example.com", "a\u200bna@example.com", "a\u200ena@example.com", "a\u3164na@example.com",
		"\u3164@example.com", "\u2800@example.com",
		"a\u00adna@example.com", "a\ufe0fna@example.com", `"ana"@example.com`, `"a b"@example.com`, `"a@b"@example.com`,
		`a\@b@example.com`, "a@b@example.com", "ana＠b@example.com",
		".ana@example.com", "ana.@example.com", "a..na@example.com", "ana@.example.com", "ana@example..com",
		"ana@-example.com", "ana@example-.com",
		"ana@[127.0.0.1]", "ana@exa_mple.com", "ana@xn--a", "ana@example.com.", "ana@" + strings.Repeat("b", 64) + ".es",
		strings.Repeat("a", 65) + "@example.com",
		strings.Repeat("é", 33) + "@example.com", strings.Replace(longest, ".es", "b.es", 1), "ana@xn--zca\u202e.es",
		"ana\xff@example.com", "ana@\xff.com", "an\ufdd0a@example.com", "😀@example.com",
		strings.Repeat("a", 1<<20) + "@example.com"} {
		if got, ok := validate.Email(address); ok {
			t.Errorf("%.80q: got %q, want it refused", address, got)
		}
	}
}
