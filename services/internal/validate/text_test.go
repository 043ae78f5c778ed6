package validate_test

import (
	"strings"
	"testing"

	"comanda/services/internal/validate"
)

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct {
		value, want string
		good        bool
	}{
		"trimmed":                 {"  Ana María ", "Ana María", true},
		"joiners are letters":     {"می\u200cخواهم", "می\u200cخواهم", true},
		"as long as may be":       {strings.Repeat("é", 20), strings.Repeat("é", 20), true},
		"too long":                {strings.Repeat("é", 21), "", false},
		"nothing":                 {" \t ", "", false},
		"NUL":                     {"a\x00b", "", false},
		"a line break":            {"a\nb", "", false},
		"escape":                  {"a\x1b[31mb", "", false},
		"C1 control":              {"a\u0085b", "", false},
		"turns the direction":     {"a\u202eb", "", false},
		"a line separator":        {"a\u2028b", "", false},
		"bytes that are no UTF-8": {"a\xffb", "", false},
	} {
		got, wrong := validate.Line("name", tc.value, 20)
		if got != tc.want || (len(wrong) == 0) != tc.good {
			t.Errorf("%s: got %q, %v", name, got, wrong)
		}
	}
}

func TestLinesMayBreak(t *testing.T) {
	if got, wrong := validate.Text("notes", "ring\ntwice", 20); got != "ring\ntwice" || wrong != nil {
		t.Errorf("got %q, %v", got, wrong)
	}
	if _, wrong := validate.Text("notes", "ring\x00", 20); len(wrong) != 1 || wrong[0].Field != "notes" {
		t.Errorf("got %v", wrong)
	}
}
