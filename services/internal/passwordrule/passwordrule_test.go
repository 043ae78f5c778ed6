package passwordrule_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/passwordrule"
)

func TestNormal(t *testing.T) {
	for typed, want := range map[string]string{
		"a good secret":                  "a good secret",
		"contrase\u00f1a larga":          "contrase\u00f1a larga",
		"contrasen\u0303a larga":         "contrase\u00f1a larga", // NFD
		"\u1112\u1161\u11ab\u1100\u116e": "\ud55c\uad6c",          // a Korean syllable in parts, as macOS has it
		"uno\u00a0dos\u3000tres":         "uno dos tres",
		" at both ends ":                 " at both ends ", // spaces count
		"ａｂｃ":                            "ａｂｃ",            // OpaqueString keeps the width
		"MiXed Case":                     "MiXed Case",
		"🍕 y 🍝 siempre":                  "🍕 y 🍝 siempre",
		"می\u200cخواهم":                  "می\u200cخواهم",
		"":                               "",
		"tab\tin it":                     "",
		"nul\x00in it":                   "",
		"zero\u200bwidth":                "",
		"override\u202e":                 "",
		"private \ue000":                 "",
		"invalid \xff":                   "",
		strings.Repeat("a", 289):         "",
	} {
		got, err := passwordrule.Normal(typed)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", typed, got, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	const length, common, repeats, sequence = "must be 8 to 72 bytes", "one of the most common passwords", "repeats", "sequence"
	const personal, closeTo, spaces = "is the e-mail or the name", "too close to", "only spaces"
	for typed, reason := range map[string]string{
		"a good secret": "", "correct horse": "", "tortilla de patatas": "", "s3cret-pass": "", "ñandú y jacarandá": "",
		"パスワード123456": "", "kb4sr2vq7x3mzn5t": "", "Ana nunca come sopa": "",
		"7 bytes": length, "ñññ7": length, strings.Repeat("pQ9 ", 19): length, strings.Repeat("日本語 ", 9): length,
		"12345678": common, "password": common, "PASSWORD": common, "Password1": common, "qwertyuiop": common, "iloveyou": common,
		"P@ssw0rd": common, "pássword": common, "drowssap": common, "11111111": common, "qwerty123": common, "trustno1": common,
		"１２３４５６７８": common, "١٢٣٤٥٦٧٨": common, // full width and Arabic digits
		"        ": spaces, strings.Repeat("\u3000", 8): spaces, strings.Repeat("\u00a0", 9): spaces,
		"\u3000\u3000\u3000": length,
		"zzzzzzzzzzz":        repeats, "ñññññññññ": repeats, "xyxyxyxyxyxy": repeats, "日日日日": repeats, "xy7xy7xy7xy7": repeats,
		"\u1ea1\u1ea1\u1ea1\u1ea1": repeats,
		"abcdefghijkl":             sequence, "мнопрсту": sequence, "vwxyz0123": sequence, "hgfedcba": sequence, "zaqwsxcde": common,
		"sdfghjklm": sequence, "13/05/1987": "is a date",
		"ana.garcia@example.com": personal, "ANA.GARCIA@EXAMPLE.COM": personal, "ana.garcia": personal, "Ana García": personal,
		"AnaGarcía!!": personal, "example.com": personal, "aicrag.ana": personal, "garcia, ana": personal,
		"AnaAnaAna": personal, "Ana y García": "", "ana-garcia": personal, "ana.garcia1": closeTo, "García123": closeTo,
		"Password1!!": closeTo, "passw0rd99": closeTo,
	} {
		_, err := passwordrule.Check(typed, "ana.garcia@example.com", "Ana García")
		switch {
		case reason == "" && err != nil:
			t.Errorf("%q: got error %v, want none", typed, err)
		case reason != "" && (err == nil || !strings.Contains(err.Error(), reason)):
			t.Errorf("%q: got error %v, want one with %q", typed, err, reason)
		}
	}
}

// Estimating takes longer for some passwords than for others. It must never take much longer than hashing.
func TestCheckIsFast(t *testing.T) {
	for _, hard := range []string{strings.Repeat("pQ9", 24), strings.Repeat("4@8({[<369", 7), strings.Repeat("1!|7$5+0%2", 7), strings.Repeat("19870513", 9),
		strings.Repeat("qwertyuiop", 7), strings.Repeat("a", 71) + "b", strings.Repeat("passw0rd", 9)} {
		begun := time.Now()
		_, _ = passwordrule.Check(hard, hard+"@example.com", hard)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("%s: took %v, want at most 2 s", hard, took)
		}
	}
}

func FuzzNormal(f *testing.F) {
	for _, seed := range []string{"contrasen\u0303a", "uno\u00a0dos", "\u0344\u2126\u212b", "a\u0323\u0307", "\U0001d15e", "\u1112\u1161\u11ab"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		once, err := passwordrule.Normal(typed)
		if err != nil {
			return
		}
		if !norm.NFC.IsNormalString(once) || !utf8.ValidString(once) {
			t.Errorf("%q: got %q, want NFC", typed, once)
		}
		if twice, err := passwordrule.Normal(once); twice != once || err != nil {
			t.Errorf("%q: got %q and then %q, %v", typed, once, twice, err)
		}
		if decomposed := norm.NFD.String(typed); len(decomposed) <= 288 {
			if other, err := passwordrule.Normal(decomposed); err == nil && other != once {
				t.Errorf("%q: got %q, in NFD %q", typed, once, other)
			}
		}
		_, _ = passwordrule.Check(typed, "ana@example.com", typed)
	})
}
