package validate_test

import (
	"testing"

	"comanda/services/internal/validate"
)

func TestOnePasswordHasOneForm(t *testing.T) {
	for password, want := range map[string]string{
		"contrasen\u0303a": "contraseña", "contraseña": "contraseña", "a\u00a0b\u3000c": "a b c", " Aa ": " Aa ", "Ａ": "Ａ",
		"ﬁ":            "ﬁ",
		"\u1100\u1161": "가", "пароль": "пароль", "🍕🍕": "🍕🍕", "क्\u200dष": "क्\u200dष", "\u212b": "Å",
		"": "", "a\x00b": "", "a\tb": "", "a\u200bb": "", "a\ufeffb": "", "a\u202eb": "", "a\u200db": "", "\u3164": "",
		"a\xffb": "", "a\ufdd0": "",
	} {
		got, ok := validate.Password(password)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%+q: got %+q, %v, want %+q", password, got, ok, want)
		}
		if again, ok := validate.Password(got); want != "" && (again != got || !ok) {
			t.Errorf("%+q: preparing %+q again gave %+q", password, got, again)
		}
	}
}
