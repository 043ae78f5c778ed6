package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestFoldIgnoresWhatPeopleTypeDifferently(t *testing.T) {
	for want, texts := range map[string][]string{
		"noquis":         {"Ñoquis", "ñoquis", "ÑOQUIS", "noquis", "N\u0303oquis"},
		"creme brulee":   {"Crème Brûlée", "creme brulee", "CRÈME BRÛLÉE", " Cre\u0300me\u00a0\tBru\u0302le\u0301e "},
		"cafes":          {"cafés", "CAFÉS", "CAFES", "cafe\u0301s"},
		"grosse klosse":  {"Große Klöße", "GROSSE KLÖSSE", "GROẞE KLÖẞE"},
		"smorrebrod":     {"Smørrebrød", "SMØRREBRØD", "smorrebrod"},
		"oeuf, aebler":   {"Œuf, Æbler", "œuf, æbler", "oeuf, aebler"},
		"izmir isgara":   {"İzmir ısgara", "IZMIR ISGARA", "izmir isgara", "i\u0307zmir isgara"},
		"λουκανικοσ":     {"Λουκάνικος", "ΛΟΥΚΑΝΙΚΟΣ", "λουκανικοσ"},
		"борщ и пелмени": {"Борщ и пелмени", "БОРЩ И ПЕЛМЕНИ", "борщ й пелмени"},
		"sushi 10":       {"Ｓｕｓｈｉ　１０", "sushi 10", "sushi ⑩"},
		"ラーメン":           {"ラーメン", "ﾗｰﾒﾝ"},
		"パン":             {"パン", "ハ\u309aン", "ﾊﾟﾝ"},
		"각":              {"각", "\u1100\u1161\u11a8"},
		"bun cha":        {"Bún chả", "BÚN CHẢ"},
		"dau":            {"Đậu", "đậu"},
		"fi h2o 1/2":     {"ﬁ H₂O ½"},
		"l'huile":        {"L’huile", "l´huile", "l'huile", "Lʼhuile"},
		"coca-cola":      {"Coca‑Cola", "Coca–Cola", "coca\u00ad-cola"},
		"cafe":           {"ca\u200bfe\ufe0f", "\u202ecafe\u2069", "c\u034fafe"},
		"שלום":           {"שָׁלוֹם"},
		"محمد":           {"مُحَمَّد", "محـــمد"},
		"กิ่ง":           {"กิ่ง"},
		"50%_\\":         {"50%_\\"},
		"":               {"", " \u3000\u200b ", "\u3164\u115f"},
	} {
		for _, text := range texts {
			if got := fold(text); got != want {
				t.Errorf("%q: got %q, want %q", text, got, want)
			}
		}
	}
}

func TestFoldKeepsDifferentLettersApart(t *testing.T) {
	for _, pair := range [][2]string{{"pan", "pen"}, {"パン", "ハン"}, {"가", "각"}, {"कि", "का"}, {"กา", "กี"}, {"c++", "c"}, {"%", ""}, {"_", "-"}} {
		if fold(pair[0]) == fold(pair[1]) {
			t.Errorf("%q and %q both fold to %q", pair[0], pair[1], fold(pair[0]))
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, text := range []string{"Ñoquis", "İ\u0307ǰΐŉſ", "\u1e9e\u0345", "ﷺ㌖", "e\u0301\u0327", "\u00b4\u0301", "ᾳ͏", "\xff\u0300"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		folded := fold(text)
		if again := fold(folded); again != folded {
			t.Errorf("%q folds to %q, which folds to %q", text, folded, again)
		}
		if other := fold(norm.NFD.String(text)); other != folded {
			t.Errorf("%q folds to %q, in NFD to %q", text, folded, other)
		}
		if !utf8.ValidString(folded) || strings.ContainsAny(folded, "\x00\n\t") && !strings.ContainsRune(text, 0) {
			t.Errorf("%q folds to %q", text, folded)
		}
	})
}
