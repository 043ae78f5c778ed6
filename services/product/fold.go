package main

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// fold returns the form of text that searches and comparisons of categories use: without case, diacritics, width and
// invisible characters, words separated by one space. It does not depend on a language or on the database's locale: the
// Turkish dotted and dotless i are both i, and ü is u, not ue. Increase entryRules (search.go) when the result changes.
func fold(text string) string {
	text = strings.ReplaceAll(text, "\u00b4", "'") // an acute accent typed as an apostrophe; NFKD would make it a space
	text = norm.NFKD.String(text)
	text = strings.Map(func(r rune) rune {
		if isDiacritic(r) || isInvisible(r) {
			return -1
		}
		return r
	}, text)
	text = strings.ToLower(cases.Fold().String(text)) // Fold exchanges the cases of Cherokee
	text = similarLetters.Replace(text)
	return strings.Join(strings.Fields(norm.NFC.String(text)), " ")
}

// isDiacritic reports whether r is a mark that people leave out when they type. The vowel signs of Thai and Indian scripts, and
// the Japanese marks that turn ha into ba or pa, are kept: readers see them as part of a letter.
func isDiacritic(r rune) bool {
	const voiced, semiVoiced = '\u3099', '\u309a'
	return unicode.Is(unicode.M, r) && r != voiced && r != semiVoiced &&
		unicode.In(r, unicode.Inherited, unicode.Greek, unicode.Cyrillic, unicode.Hebrew, unicode.Arabic, unicode.Syriac)
}

// isInvisible reports whether r has no glyph: soft hyphens, joiners, direction marks, fillers. The Arabic tatweel only widens
// a word.
func isInvisible(r rune) bool {
	const tatweel = '\u0640'
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point) || r == tatweel
}

// similarLetters replaces characters that Unicode does not decompose by the letters that people type instead. It runs after case folding,
// which turns ß into ss.
var similarLetters = strings.NewReplacer(
	"æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ħ", "h", "ı", "i", "ł", "l", "ŋ", "n", "ŧ", "t", "ĸ", "k",
	"‘", "'", "’", "'", "‚", "'", "‛", "'", "′", "'", "ʹ", "'", "ʻ", "'", "ʼ", "'", "ʽ", "'", "“", `"`, "”", `"`, "„", `"`, "‟", `"`, "″", `"`,
	"«", `"`, "»", `"`, "‐", "-", "‒", "-", "–", "-", "—", "-", "―", "-", "−", "-", "⁄", "/",
)
