package validate_test

import (
	"testing"

	"comanda/services/internal/validate"
)

func TestPhonesAreEqualHoweverTheyAreTyped(t *testing.T) {
	for _, number := range []string{"+34 600 111 222", "0034600111222", " +34-600-111-222 ", "＋３４６００１１１２２２",
		"+34\u00a0600\u00a0111\u00a0222",
		"+34\u202f600\u2009111\u3000222", "+٣٤ ٦٠٠ ١١١ ٢٢٢", "٠٠٣٤٦٠٠١١١٢٢٢", "+۳۴۶۰۰۱۱۱۲۲۲", "+३४६००१११२२२", "+๓๔๖๐๐๑๑๑๒๒๒",
		"\u202a+34 600 111 222\u202c",
		"\u2066+34 600 111 222\u2069", "\u200e+34 600 111 222\u200e", "+34\u200b600\u00ad111\u2060222",
		"\ufeff+34 600 111 222", "+34 600–111—222", "+34 600‑111−222",
		"(+34) 600 111 222", "+34 [600] 111 222", "+34.600.111.222", "\U0001D7D80\U0001D7DB4600111222", "+34/600/111/222"} {
		got, err := validate.Phone("phone", number)
		if got != "+34600111222" || err != nil {
			t.Errorf("%+q: got %q, %v, want +34600111222", number, got, err)
		}
	}
	for _, number := range []string{"", " ", "\u200b", "600 111 222", "+34", "ask me", "+34 600\x00111222",
		"+34 600 111 222\ufdd0", "+34 600\xff111222",
		"+34 600 111 222 ext. 5", "+34 600 111 222;ext=5", "+34 600 111 222 x5", "+34 600 111 222#5", "+1 800 FLOWERS", "tel:+34600111222",
		"+34 600 111 222 and more than forty characters after it"} {
		if got, err := validate.Phone("phone", number); err == nil {
			t.Errorf("%+q: got %q, want it refused", number, got)
		}
	}
}
