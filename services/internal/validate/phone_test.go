package validate_test

import (
	"strings"
	"testing"

	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

func TestPhoneHasOneForm(t *testing.T) {
	for _, number := range []string{
		"+34600111222", "+34 600 111 222", "0034 600 111 222", "  +34 600-111-222 ", "+34 (600) 111.222",
		"+34\u00a0600\u00a0111\u00a0222", "+34\u2009600\u202f111\u3000222",
		"＋３４６００１１１２２２", "＋３４（６００）１１１－２２２", "+٣٤٦٠٠١١١٢٢٢", "+۳۴۶۰۰۱۱۱۲۲۲", "००३४६००१११२२२", "+34‐600–111−222", // hyphen, dash, minus
		"\u202a+34 600 111 222\u202c", "\u200e+34\u200b600111222\ufeff", "\u2068+34600111222\u2069", "\u00a0+34600111222",
	} {
		if got, err := validate.Phone("phone", number); got != "+34600111222" || err != nil {
			t.Errorf("%+q: got %q, %v, want +34600111222", number, got, err)
		}
	}
}

func TestPhoneRefuses(t *testing.T) {
	for _, number := range []string{"", " ", "600111222", "112", "+34", "+34 600", "+", "00", "ana", "+999600111222", "+34600111222" + strings.Repeat(" ", 300),
		"+34 600 111 222\x00\x01", "\u2800", strings.Repeat("٣", 50), "+34600111222\xff"} {
		got, err := validate.Phone("phone", number)
		if got != "" || !fault.Is(err, fault.KindInvalid) || fault.From(err).Fields[0].Field != "phone" {
			t.Errorf("%+q: got %q, %v, want one wrong field, phone", number, got, err)
		}
	}
}
