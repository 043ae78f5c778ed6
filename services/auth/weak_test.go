package main

import (
	"crypto/rand"
	mathrand "math/rand/v2"
	"strings"
	"testing"
)

func TestWeakPasswordsAreRefusedWithTheReason(t *testing.T) {
	const email, name = "ana.lopez@mesón.example", "Ana López"
	for reason, passwords := range map[string][]string{
		"must not repeat": {"        ", "aaaaaaaa", "11111111", "ññññññññ", "😀😀😀", "abababab", "xyzxyzxyz", "AaAaAaAa",
			"????????????", strings.Repeat("é", 36),
			"\u3000\u3000\u3000\u3000\u3000\u3000\u3000\u3000"},
		"most common": {"12345678", "password", "PASSWORD", "Password", "qwertyuiop", "iloveyou", "1q2w3e4r", "passwórd",
			"password1", " password ", "trustno1", "12344321",
			"p a s s w o r d", "contraseña", "ｐａｓｓｗｏｒｄ", "qwerty12345", "abcd1234", "monkey123", "aaaabbbb", "i-love-you"},
		"must not be the e-mail": {email, "ANA.LOPEZ@mesón.example", "ana.lopez", "Ana.Lopez", "ana lopez", "AnaLopez",
			"ana-lopez-1", "zepolana", "Ana López", "ana.lopez@meson.example",
			"analopez2024", "mesón.example", "mesonexample", "ana.lopez@mesón.example!", "lopez2024!", "Ana123456"},
		"too easy to guess": {"P@ssw0rd1", "Password123!", "abcdefghi", "zxcvbnm,./", "asdfghjkl;", "password password",
			"p@ssw0rdp@ssw0rd", "87654321",
			"04/12/1987", "98765432109", "ABCDEFGH", "aaaaaaab", "drowssap1", "letmein1!", "абвгдежз",
			"short short short", "secret-secret-secret"},
	} {
		for _, password := range passwords {
			_, got := checkPassword(password, email, name)
			if !strings.Contains(got, reason) {
				t.Errorf("%q: got %q, want %q", password, got, reason)
			}
			if len(password) > 5 && strings.Contains(got, password) && !strings.Contains("the most common passwords", password) {
				t.Errorf("%q: the reason has the password: %s", password, got)
			}
		}
	}
}

func TestGoodPasswordsAreAccepted(t *testing.T) {
	good := []string{password, longPassword, "another secret", "s3cret-pass", "correct horse battery staple", "Comanda-2026 abierta",
		"ensalada con nueces", "x9v2k7q1", "tres tristes tigres",
		"пароль для пиццы", "我的密码是披萨", "ب پ ت ث ج چ", "pizza 🍕 y vino 🍷", "my name is ana lopez 77",
		"a\u00a0good\u00a0secret", "Mañana será otro día", "it's me, Mario", "8 bytes!", "披萨好吃吗", "καλημέρα κόσμε", "🍕🍷🌶🧀"}
	for range 200 { // as the launcher makes them
		good = append(good, strings.ToLower(rand.Text()[:16]))
	}
	for _, password := range good {
		if _, problem := checkPassword(password, "ana.lopez@example.com", "Ana López"); problem != "" {
			t.Errorf("%q: got %q, want it accepted", password, problem)
		}
	}
}

// zxcvbn's time grows faster than the length of what it judges.
func TestOnlyAShortPartOfAPasswordIsJudged(t *testing.T) {
	for _, password := range []string{strings.Repeat("4@8({[<369&!1|0$5+7%2", 4)[:maxPassword], strings.Repeat("p@ssw0rd", 9),
		strings.Repeat("12/3/1999", 8), strings.Repeat("aA", 36), strings.Repeat("ñ", 36), strings.Repeat("披萨", 12), strings.Repeat("ﷺ", 24)} {
		forms := judgedForms(password, foldPassword(password))
		if len(forms) == 0 || len(forms) > 3 {
			t.Errorf("%q: got %d forms, want 1 to 3", password, len(forms))
		}
		for _, form := range forms {
			if len(form) == 0 || len(form) > 40 {
				t.Errorf("%q: %d bytes of a form are judged, want 1 to 40", password, len(form))
			}
		}
	}
}

func TestNoPasswordIsTooOddToJudge(t *testing.T) {
	random := mathrand.New(mathrand.NewPCG(5, 6))
	letters := []rune("aaAzZ019 !@$5€é\u0301ñßñ漢字かな😀👍🏽ابت\u200dעבiİıſﬁ ")
	for range 300 {
		var password strings.Builder
		for range 1 + random.IntN(20) {
			password.WriteRune(letters[random.IntN(len(letters))])
		}
		checkPassword(password.String(), "josé@example.com", "José 😀")
	}
}
