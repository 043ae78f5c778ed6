package validate_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

const family = "👨\u200d👩\u200d👧"

func TestLine(t *testing.T) {
	for value, want := range map[string]string{
		"  Ana María ":                           "Ana María",
		"\u3000山田\u3000太郎\u00a0":                 "山田 太郎", // spaces of other widths
		"Jose\u0301":                             "Jos\u00e9",
		strings.Repeat("é", 20):                  strings.Repeat("é", 20),
		strings.Repeat("e\u0301", 20):            strings.Repeat("é", 20), // counted after normalisation
		strings.Repeat("\u1112\u1161\u11ab", 20): strings.Repeat("한", 20),
		// invisible characters that nothing needs
		"a\u200bb": "ab", "\ufeffAna": "Ana", "cro\u00adquetas": "croquetas", "a\u2060b\u2063c": "abc", "a\u034fb": "ab",
		"e\u200b\u0301": "é", "e\u034f\u0301": "é", "a\u3164b\uffa0c\u115fd\u1160": "abcd", "a\u180eb": "ab",
		"A\ufe0fna": "Ana", "\ufe0fAna": "Ana",
		"a\U000e0041\U000e007fb": "ab", "a\u206ab\u17b4": "ab", "a\u2800b": "a b", "\u2800Ana\u2800": "Ana", "a\U0001d159b": "ab",
		"Auf\u200clage": "Auflage", "a\u200db": "ab", "Ana\u200d": "Ana", "a\U000e01f0b\ufff0": "ab",
		"\u200b \u200bAna \u200b": "Ana",
		// those that scripts and emoji need
		"می\u200cخواهم": "می\u200cخواهم", "PDF\u200cها": "PDF\u200cها", "ශ්\u200dරී": "ශ්\u200dරී",
		"അവന്\u200d": "അവന്\u200d", "क्\u200dष": "क्\u200dष",
		"می\u200c\u200cخواهم": "می\u200cخواهم", family: family, "🏳\ufe0f\u200d🌈": "🏳\ufe0f\u200d🌈", "👩🏽\u200d🍳": "👩🏽\u200d🍳",
		"❤\ufe0f":       "❤\ufe0f",
		"1\ufe0f\u20e3": "1\ufe0f\u20e3", "🇪🇸": "🇪🇸",
		"🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
		"葛\U000e0100飾": "葛\U000e0100飾", "ᠮᠣᠩ\u180bᠭᠣᠯ": "ᠮᠣᠩ\u180bᠭᠣᠯ", "ᠤᠯᠠ\u180eᠠ": "ᠤᠯᠠ\u180eᠠ", "👨\u200d": "👨",
		"❤\ufe0f\ufe0f": "❤\ufe0f",
		// other scripts, directions and marks
		"שלום\u200f!": "שלום\u200f!", "\u200fAna": "\u200fAna", "א\u061cב": "א\u061cב",
		"\u2068Ana\u2069 أنا": "\u2068Ana\u2069 أنا",
		"مُحَمَّد":            "مُحَمَّد", "Nguyễn": "Nguyễn", "क्षत्रिय": "क्षत्रिय", "བསྒྲུབས": "བསྒྲུབས", "ရွှို့": "ရွှို့",
		"שָּׁלוֹם": "שָּׁלוֹם", "กุ้ง": "กุ้ง", "🍕": "🍕", "…": "…", "7": "7", "\U0001fae9": "\U0001fae9", // newer than our tables
		"\ufffd": "\ufffd",
	} {
		got, wrong := validate.Line("name", value, 20)
		if got != want || wrong != nil {
			t.Errorf("%+q: got %+q, wrong fields %v, want %+q", value, got, wrong, want)
		}
	}
}

func TestLineRefuses(t *testing.T) {
	const given, visible, long, isolate, accents = "must be given", "at least one visible", "at most 20 characters", "close each isolate", "accents"
	for value, reason := range map[string]string{
		"": given, " \t ": given, "\u3000\u00a0": given, strings.Repeat(" ", 1000): given,
		"\u200b": visible, "\u3164": visible, "\u2800": visible, "\u200b\u200b \u2060": visible, "\ufeff": visible,
		"\u00ad": visible, "\u115f\u1160": visible,
		"\uffa0": visible, "\u180e": visible, "\ufe0f": visible, "\u034f": visible, "\u200d": visible,
		"\u200c\u200d": visible, "\u200e": visible, "\u200f \u061c": visible,
		"\u0301": visible, "\U000e0061": visible, "\U000e0001": visible, "\u2061\u2064": visible, "\U0001d173": visible,
		"\u2068\u2069": visible, "\U000e0100": visible,
		"\U0001d159": visible, "\U00013441": visible, "\u17b5": visible, "\u206f": visible,
		strings.Repeat("é", 21): long, strings.Repeat("e\u0301", 21): long, strings.Repeat("x", 10_000): long,
		strings.Repeat("x\u200b", 10_000): long,
		"a\x00b":                          "U+0000, a control", "a\nb": "U+000A, a control", "a\tb": "U+0009", "a\x1b[31mb": "U+001B",
		"a\u0085b": "U+0085", "a\x7fb": "U+007F",
		"a\u202eb": "U+202E, which shows text in another order", "a\u202db": "U+202D", "a\u202ab\u202c": "U+202A",
		"a\u202bb": "U+202B", "a\u202cb": "U+202C",
		"a\u2028b": "U+2028, a line or paragraph", "a\u2029b": "U+2029",
		"\u2067Ana": isolate, "Ana\u2069": isolate, "\u2069Ana\u2066": isolate, "\u2066\u2067a\u2069": isolate,
		"a\ufdd0b": "U+FDD0, a noncharacter", "a\uffffb": "U+FFFF", "a\U0010fffeb": "U+10FFFE",
		"a\ue000b": "U+E000, a private", "a\uf8ff": "U+F8FF", "a\U000f0000": "U+F0000",
		"a\ufff9b\ufffac\ufffb": "U+FFF9, an annotation", "a\xffb": "valid UTF-8", "a\xed\xa0\xbd": "valid UTF-8",
		"Z" + strings.Repeat("\u0300\u0301", 3): accents, "ก" + strings.Repeat("\u0e49", 9): accents,
		"a" + strings.Repeat("\u20dd", 5):       accents,
		"م" + strings.Repeat("\u064e\u200d", 9): accents, "ệ\u0300\u0301\u0302": accents,
	} {
		got, wrong := validate.Line("name", value, 20)
		if got != "" || len(wrong) != 1 || wrong[0].Field != "name" || !strings.Contains(wrong[0].Message, reason) {
			t.Errorf("%+.40q: got %+q, wrong fields %v, want one with %q", value, got, wrong, reason)
		}
	}
}

func TestTextAllowsLineBreaks(t *testing.T) {
	for value, want := range map[string]string{
		"ring\ntwice":            "ring\ntwice",
		"ring\r\ntwice\r\n":      "ring\ntwice",
		"ring\rtwice":            "ring\ntwice",
		"1\tring":                "1\tring",
		"\u2067א\u2069\nb":       "\u2067א\u2069\nb",
		"ring\x00":               "",
		"\u2067א\n\u2069b":       "", // an isolate ends with its line
		"ring\vtwice":            "",
		"\u200f":                 "",
		"\u200b":                 "",
		strings.Repeat("a ", 11): "",
	} {
		got, wrong := validate.Text("notes", value, 20)
		if got != want || (len(wrong) == 0) != (want != "") {
			t.Errorf("%+q: got %+q, wrong fields %v, want %+q", value, got, wrong, want)
		}
	}
}

func TestTextThatMayBeAbsent(t *testing.T) {
	for value, want := range map[string]struct {
		text string
		good bool
	}{
		"": {"", true}, " \u3000": {"", true}, "\u200b\ufeff": {"", true}, strings.Repeat(" ", 5000): {"", true},
		" ring ": {"ring", true},
		"\u200f": {"", false}, "\u202e": {"", false}, "\xff": {"", false}, strings.Repeat("\u200b", 5000): {"", false},
	} {
		got, wrong := validate.OptionalText("notes", value, 20)
		if got != want.text || (len(wrong) == 0) != want.good {
			t.Errorf("%+.40q: got %+q, wrong fields %v, want %+v", value, got, wrong, want)
		}
		got, err := validate.Search("query", value, 20)
		if got != want.text || (err == nil) != want.good || err != nil && !fault.Is(err, fault.KindMalformed) {
			t.Errorf("search for %+.40q: got %+q, %v, want %+v", value, got, err, want)
		}
	}
}

// FuzzText checks what holds for all text: normal text stays as it is, NFC and NFD are the same text, and no result has a character
// that is refused.
func FuzzText(f *testing.F) {
	for _, seed := range []string{"Jose\u0301", family, "می\u200cخواهم", "a\u200b\u0301", "\u2067a\u2069\n\u2800", "\u1112\u1161\u11ab", "\u0344\u0958\ufb2c",
		"e\u034f\u0323\u0301", "🏴\U000e0067\U000e0062\U000e0073\U000e007f", "\u1100\u1160\u1161\u11a8", "x\u200d\u0301\ufe0f\u200c", "\u202ea", "\u2126\u212b\u1e9b\u0323"} {
		f.Add(seed)
	}
	f.Fuzz(checkLaws)
}

// The same for random rows of characters that affect each other, which a fuzzer that changes bytes seldom puts together.
func TestRandomText(t *testing.T) {
	alphabet := []rune("aé \n1#ℹسیഅക്शكמשᠮ한ก葛👨👩🏽❤🏳🌈🏴\u0301\u0323\u0344\u034f\u0e49\u064e\u05c1\u05bc\u1100\u1161\u11a8\u1160\u200b\u200c\u200d\u200f\u2066\u2069\u2800" +
		"\u00a0\u3000\ufe0e\ufe0f\ufe00\u180b\u180e\u20e3\ufeff\U000e0067\U000e0062\U000e007f\U000e0100\u202e\u2126\u1e9b")
	random := rand.New(rand.NewPCG(10, 2026))
	for range 30_000 {
		value := make([]rune, 1+random.IntN(10))
		for i := range value {
			value[i] = alphabet[random.IntN(len(alphabet))]
		}
		checkLaws(t, string(value))
	}
}

func checkLaws(t *testing.T, value string) {
	const most = 100
	once, wrong := validate.Text("notes", value, most)
	if decomposed := norm.NFD.String(value); len(value) < 1000 && norm.NFC.String(decomposed) == norm.NFC.String(value) {
		if other, alsoWrong := validate.Text("notes", decomposed, most); other != once || (alsoWrong == nil) != (wrong == nil) {
			t.Errorf("%+q: got %+q, %v, and in NFD %+q, %v", value, once, wrong, other, alsoWrong)
		}
	}
	if wrong != nil {
		return
	}
	if twice, wrong := validate.Text("notes", once, most); twice != once || wrong != nil {
		t.Errorf("%+q: got %+q and then %+q, %v", value, once, twice, wrong)
	}
	if strings.ContainsFunc(once, isForbidden) || len(once) > 4*most || once != strings.TrimSpace(once) || !norm.NFC.IsNormalString(once) {
		t.Errorf("%+q: got %+q", value, once)
	}
}

// isForbidden reports whether r may never be in text, wherever it stands.
func isForbidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x20, r >= 0x7F && r < 0xA0, r >= 0x202A && r <= 0x202E, r >= 0x2060 && r <= 0x2065, r >= 0x206A && r <= 0x206F,
		r&0xFFFE == 0xFFFE,
		r >= 0xFDD0 && r <= 0xFDEF, r >= 0xE000 && r <= 0xF8FF, r >= 0xF0000, r >= 0xFFF0 && r <= 0xFFFB:
		return true
	}
	return strings.ContainsRune("\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u200b\u2028\u2029\u202f\u2800\u3000\u3164\ufeff\uffa0\U000e0001", r)
}
