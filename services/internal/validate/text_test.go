package validate_test

import (
	"strings"
	"testing"

	"comanda/services/internal/validate"
)

// textCase is a value of a field of 20 characters. An empty want means that it is refused.
type textCase struct{ value, want string }

func checkLines(t *testing.T, cases map[string]textCase) {
	t.Helper()
	for name, tc := range cases {
		got, wrong := validate.Line("name", tc.value, 20)
		if got != tc.want || (len(wrong) == 0) != (tc.want != "") {
			t.Errorf("%s: got %+q, wrong fields %v, want %+q", name, got, wrong, tc.want)
		}
	}
}

func TestLineIsNormalised(t *testing.T) {
	checkLines(t, map[string]textCase{
		"trimmed":                     {"  Ana María ", "Ana María"},
		"Unicode spaces":              {"\u3000\u00a0Ana\u2003\u2800", "Ana"},
		"spaces inside":               {"山田\u3000太郎", "山田\u3000太郎"},
		"decomposed":                  {"Jose\u0301", "José"},
		"singletons":                  {"\u212bngstro\u0308m", "Ångström"},
		"not compatibility forms":     {"ﬁ ²", "ﬁ ²"},
		"20 characters":               {strings.Repeat("é", 20), strings.Repeat("é", 20)},
		"20 characters, decomposed":   {strings.Repeat("e\u0301", 20), strings.Repeat("é", 20)},
		"20 and invisible characters": {strings.Repeat("\u200be", 20), strings.Repeat("e", 20)},
		"21 characters":               {strings.Repeat("é", 21), ""},
		"only space":                  {" \t ", ""},
		"nothing":                     {"", ""},
	})
}

func TestLineNeedsAVisibleCharacter(t *testing.T) {
	invisible := []string{"\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u180e",
		"\u034f", "\ufe0f", "\ufe00",
		"\U000E0100", "\u180b", "\u200c", "\u200d", "\u200e", "\u200f", "\u061c", "\u2061", "\u2063", "\u206a", "\u206f",
		"\u17b4", "\ufff9", "\U000E0041",
		"\U000E0001", "\U0001D173", "\U0001BCA0", "\u2065", "\U0001D159", "\U00016FE4", "\U00013441", "\U00013442",
		"\u0301", "\u20dd", "\u2066\u2069"}
	for _, one := range invisible {
		for _, value := range []string{one, one + one, one + " " + one, "\u200b" + one + "\u200d", one + "\u00a0" + "\ufe0f"} {
			if got, wrong := validate.Line("name", value, 20); len(wrong) != 1 {
				t.Errorf("%+q: got %+q, want it refused", value, got)
			}
		}
	}
	for _, visible := range []string{"李", "я", "ب", "1", ".", "😀", "❤️", "ㅤ가", "\u0600" + "١", "\U0001FAEA", "\ue000"} {
		if _, wrong := validate.Line("name", visible, 20); wrong != nil {
			t.Errorf("%+q: got %v, want it accepted", visible, wrong)
		}
	}
}

func TestInvisibleCharactersDoNotMakeTextsDiffer(t *testing.T) {
	for _, one := range []string{"\u200b", "\u2060", "\ufeff", "\u00ad", "\u3164", "\u115f", "\u1160", "\uffa0", "\u180e",
		"\u034f", "\U000E0041", "\u200d", "\u200c"} {
		checkLines(t, map[string]textCase{one: {"A" + one + "na" + one, "Ana"}})
	}
	checkLines(t, map[string]textCase{
		"between a letter and its accent": {"Jose\u200b\u0301", "José"},
		"hidden text in tags":             {"Ana\U000E0041\U000E0042", "Ana"},
		"a selector at the start":         {"\ufe0fAna", "Ana"},
		"a selector after a letter":       {"Ana\ufe0f", "Ana"},
		"a Mongolian separator elsewhere": {"ᠤ\u180ea", "ᠤa"},
		"a selector after a selector":     {"❤\ufe0f\ufe0f", "❤\ufe0f"},
		"a row of joiners":                {"می\u200c\u200cخ", "می\u200cخ"},
		"a row of direction marks":        {"א\u200f\u200f!", "א\u200f!"},
		"an unfinished flag":              {"🏴\U000E0067\U000E0062", "🏴"},
		"a joiner after the last emoji":   {"👨\u200d", "👨"},
	})
}

func TestLineKeepsWhatScriptsAndEmojiNeed(t *testing.T) {
	for _, text := range []string{"می\u200cخواهم", "ه\u200d", "മോഹന്\u200d", "क्\u200dष", "क्\u200cष", "ක්\u200dරි",
		"بَ\u200cا", "שָׁלוֹם", "שלום\u200f!", "\u200eAna",
		"محمد", "\u061c١٢", "\u2067אבג\u2069 a", "a \u2068\u2066b\u2069\u2069", "👨\u200d👩\u200d👧\u200d👦", "👩🏽\u200d💻",
		"❤\ufe0f\u200d🔥", "🏴\u200d☠\ufe0f",
		"🏳\ufe0f\u200d🌈", "🙂\u200d↔\ufe0f", "🏴\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", "🇪🇸",
		"1\ufe0f\u20e3", "葛\U000E0100城",
		"ᠰ\u180bᠠ", "ᠤᠯᠠ\u180eᠠ", "PDF\u200cها", "ℹ\ufe0f", "‼\ufe0f", "สวัสดี", "ཧྐྵྨླྺྼྻྂ", "Nguyễn", "각", "ᄒᆞᆫ", "O’Brien", "⠓⠑\u2800⠇"} {
		checkLines(t, map[string]textCase{text: {text, text}})
	}
}

func TestDangerousCharactersAreRefused(t *testing.T) {
	checkLines(t, map[string]textCase{
		"NUL":                         {"a\x00b", ""},
		"a line break":                {"a\nb", ""},
		"escape":                      {"a\x1b[31mb", ""},
		"DEL":                         {"a\x7fb", ""},
		"C1 control":                  {"a\u0085b", ""},
		"an override":                 {"a\u202eb", ""},
		"a closed override":           {"a\u202eb\u202c", ""},
		"an embedding":                {"a\u202bb\u202c", ""},
		"an open isolate":             {"a\u2067b", ""},
		"an isolate that only closes": {"a\u2069b", ""},
		"closed before it opens":      {"a\u2069b\u2066", ""},
		"a line separator":            {"a\u2028b", ""},
		"a paragraph separator":       {"a\u2029b", ""},
		"a noncharacter":              {"a\ufdd0b", ""},
		"the last noncharacter":       {"a\U0010ffffb", ""},
		"invalid UTF-8":               {"a\xffb", ""},
		"half a surrogate pair":       {"a\xed\xa0\xbdb", ""},
		"nine marks":                  {"a" + strings.Repeat("\u0301", 9), ""},
		"nine marks, one composed":    {"é" + strings.Repeat("\u0323", 8), ""},
		"marks with joiners between":  {"a" + strings.Repeat("\u0301\u200d", 9), ""},
	})
}

func TestTextAllowsLineBreaks(t *testing.T) {
	for value, want := range map[string]string{
		"ring\ntwice": "ring\ntwice", "\u2067א\u2069\n\u2067ב\u2069": "\u2067א\u2069\n\u2067ב\u2069",
		"ring\x00": "", "a\u2067\nb\u2069": "", "a\u2028b": "",
	} {
		got, wrong := validate.Text("notes", value, 20)
		if got != want || (wrong == nil) != (want != "") || wrong != nil && wrong[0].Field != "notes" {
			t.Errorf("%+q: got %+q, wrong fields %v, want %+q", value, got, wrong, want)
		}
	}
}

func TestOptionalTextIsEmptyWithoutAVisibleCharacter(t *testing.T) {
	for value, want := range map[string]string{"": "", " \n": "", "\u200b\u3164": "", "\u200e": "", " cafe\u0301\n": "café"} {
		if got, wrong := validate.OptionalText("notes", value, 20); got != want || wrong != nil {
			t.Errorf("%+q: got %+q, %v, want %+q", value, got, wrong, want)
		}
	}
	if _, wrong := validate.OptionalText("notes", "\u202e", 20); wrong == nil {
		t.Error("an override alone was accepted")
	}
	if _, wrong := validate.OptionalLine("query", "a\nb", 20); wrong == nil {
		t.Error("a line break in a line was accepted")
	}
}
