package validate

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// pieces are the characters on which the rules depend, and sequences of them.
var pieces = []string{"a", "e", "É", "é", "e\u0301", "\u0301", "\u0323", "\u034f", "ñ", "Å", "\u212b", "ﬁ", " ", "\u00a0",
	"\u3000", "\u2800", "\t",
	"\n", "\r\n", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c", "\u2060", "\ufeff", "\u00ad", "\u3164",
	"\u115f", "\u1160", "\uffa0",
	"\u180e", "\ufe0f", "\ufe00", "\U000E0100", "\u180b", "\u202a", "\u202e", "\u202c", "\u2066", "\u2068", "\u2069",
	"\u2028", "\x00", "\u0085",
	"\ufdd0", "\U0001FFFF", "\U000E0041", "\U000E007F", "\U0001F3F4",
	"\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "👨‍👩‍👧", "❤️", "🇪🇸",
	"👍🏽", "1️⃣", "می\u200cخواهم", "ക്\u200d", "क्\u200dष", "שָׁלוֹם", "山田", "각", "\u1100\u1161\u11a8", "\u0f40\u0fb5",
	"\u17b4", "\u2062", "\ufffb", "\U0001F9FF", "\u0378"}

func randomText(random *rand.Rand) string {
	var text strings.Builder
	for range 1 + random.IntN(8) {
		text.WriteString(pieces[random.IntN(len(pieces))])
	}
	return text.String()
}

func TestCleanTextHoldsItsPromises(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	passed := 0
	for range 50_000 {
		text := randomText(random)
		lines := random.IntN(2) == 0
		if checkPromises(t, text, lines) {
			passed++
		}
		if t.Failed() {
			return
		}
	}
	if passed < 5000 || passed > 45_000 {
		t.Errorf("%d of 50000 texts passed: the test has too few of one sort", passed)
	}
}

func FuzzClean(f *testing.F) {
	for _, piece := range pieces {
		f.Add(piece)
	}
	f.Fuzz(func(t *testing.T, text string) { checkPromises(t, text, true) })
}

// checkPromises checks that the result for text is stable, is the same for its decomposed form, and contains no forbidden character.
func checkPromises(t *testing.T, text string, lines bool) (passed bool) {
	t.Helper()
	got, wrong := checkText("name", text, 1000, lines, true)
	again, wrongAgain := checkText("name", got, 1000, lines, true)
	if wrong == nil && (again != got || wrongAgain != nil) {
		t.Errorf("%+q: got %+q, and from that %+q, %v", text, got, again, wrongAgain)
	}
	if !utf8.ValidString(text) {
		return false
	}
	decomposed, alsoWrong := checkText("name", norm.NFD.String(text), 1000, lines, true)
	if decomposed != got || (alsoWrong == nil) != (wrong == nil) {
		t.Errorf("%+q: got %+q, %v; decomposed %+q, %v", text, got, wrong, decomposed, alsoWrong)
	}
	if wrong != nil {
		return false
	}
	if !norm.NFC.IsNormalString(got) || strings.TrimFunc(got, isBlank) != got || !strings.ContainsFunc(got, isVisible) {
		t.Errorf("%+q: %+q is not normal, not trimmed or not visible", text, got)
	}
	for _, r := range got {
		isLineBreak := lines && strings.ContainsRune("\n\r\t", r)
		if unicode.IsControl(r) && !isLineBreak || unicode.In(r, unicode.Zl, unicode.Zp) || r >= 0x202a && r <= 0x202e ||
			strings.ContainsRune("\u200b\u2060\ufeff\u00ad\u3164\u115f\u1160\uffa0\u180e\u034f\U000e0041",
				r) || isNoncharacter(r) {
			t.Errorf("%+q: %+q has the forbidden %U", text, got, r)
		}
	}
	return true
}

func TestStackHeightCountsPrecomposedMarks(t *testing.T) {
	for text, want := range map[string]int{"abc": 0, "é": 1, "ế": 2, "e\u0302\u0301": 2, "ཧྐྵྨླྺྼྻྂ": 8, "שָׁ": 2,
		"a\u0301\u200d\u0301b\u0301": 2} {
		if got := tallestStack(text); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestCanonicalEmailsStayAsTheyAre(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	parts := []string{"a", "B", "é", "E\u0301", "ß", "ẞ", "İ", "ı", "ς", "Σ", "ａ", "א", "1", "ب", "漢", "ﬁ", "+", "-", ".",
		"\u200d", "\u00ad", "K", "\u0323", "ü", "ǆ", "ᾳ", "Ⅷ"}
	text := func() string {
		var text strings.Builder
		for range 1 + random.IntN(5) {
			text.WriteString(parts[random.IntN(len(parts))])
		}
		return text.String()
	}
	passed := 0
	for range 50_000 {
		address := text() + "@" + text() + ".example"
		canonical, ok := Email(address)
		if decomposed, alsoOK := Email(norm.NFD.String(address)); decomposed != canonical || alsoOK != ok {
			t.Fatalf("%+q: got %+q, %v; decomposed %+q, %v", address, canonical, ok, decomposed, alsoOK)
		}
		if !ok {
			continue
		}
		passed++
		if again, ok := Email(canonical); again != canonical || !ok {
			t.Fatalf("%+q: got %+q, and from that %+q, %v", address, canonical, again, ok)
		}
	}
	if passed < 1000 {
		t.Errorf("only %d of 50000 addresses passed", passed)
	}
}
