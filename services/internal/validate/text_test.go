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
		"trimmed":              {"  Ana María ", "Ana María", true},
		"joiners are allowed":  {"می\u200cخواهم", "می\u200cخواهم", true},
		"20 characters":        {strings.Repeat("é", 20), strings.Repeat("é", 20), true},
		"21 characters":        {strings.Repeat("é", 21), "", false},
		"only space":           {" \t ", "", false},
		"NUL":                  {"a\x00b", "", false},
		"a line break":         {"a\nb", "", false},
		"escape":               {"a\x1b[31mb", "", false},
		"C1 control":           {"a\u0085b", "", false},
		"a direction override": {"a\u202eb", "", false},
		"a line separator":     {"a\u2028b", "", false},
		"invalid UTF-8":        {"a\xffb", "", false},
	} {
		got, wrong := validate.Line("name", tc.value, 20)
		if got != tc.want || (len(wrong) == 0) != tc.good {
			t.Errorf("%s: got %q, wrong fields %v, want %q", name, got, wrong, tc.want)
		}
	}
}

func TestTextAllowsLineBreaks(t *testing.T) {
	if got, wrong := validate.Text("notes", "ring\ntwice", 20); got != "ring\ntwice" || wrong != nil {
		t.Errorf("got %q, wrong fields %v, want the text unchanged", got, wrong)
	}
	if _, wrong := validate.Text("notes", "ring\x00", 20); len(wrong) != 1 || wrong[0].Field != "notes" {
		t.Errorf("got wrong fields %v, want notes", wrong)
	}
}
