package validate

import "unicode"

const (
	zeroWidthNonJoiner = 0x200C
	zeroWidthJoiner    = 0x200D
	mongolianSeparator = 0x180E
	textStyle          = 0xFE0E
	emojiStyle         = 0xFE0F
)

// isNeeded reports whether the invisible character r has an effect between the characters before and after it. before is 0 at the
// beginning of a text, after is 0 at its end.
func isNeeded(r, before, after rune) bool {
	switch {
	case r == zeroWidthJoiner && isPictograph(after) && (isPictograph(before) || before == emojiStyle || isSkinTone(before)):
		return true // a sequence of emoji, such as a family (Unicode TR 51)
	case r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		return (isJoining(before) || isJoining(after)) && !isJoiner(before)
	case r == mongolianSeparator:
		return unicode.Is(unicode.Mongolian, before) && unicode.Is(unicode.Mongolian, after)
	case r == textStyle, r == emojiStyle:
		return hasStyles(before)
	case unicode.Is(unicode.Variation_Selector, r):
		return hasVariants(r, before)
	}
	return false
}

func isJoiner(r rune) bool { return r == zeroWidthJoiner || r == zeroWidthNonJoiner }

// withoutJoining are the scripts whose letters have one form wherever they stand. In the others ZWJ and ZWNJ choose it, as in
// Persian, Sinhala and Malayalam words (Unicode chapter 23.2, RFC 5892 appendix A).
var withoutJoining = []*unicode.RangeTable{unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana,
	unicode.Katakana, unicode.Hangul, unicode.Bopomofo, unicode.Armenian, unicode.Georgian, unicode.Common, unicode.Variation_Selector}

// isJoining reports whether r is a letter or mark of a script in which ZWJ and ZWNJ change how words look.
func isJoining(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M) && !unicode.In(r, withoutJoining...) && !isPlainMark(r)
}

// isPlainMark reports whether r is a mark of no script, such as an acute accent. Arabic's vowel signs are Inherited too.
func isPlainMark(r rune) bool {
	return unicode.Is(unicode.Inherited, r) && !(r >= 0x064B && r <= 0x0670)
}

// isPictograph reports whether r can be a part of a sequence of emoji. The last range also has emoji newer than our tables.
func isPictograph(r rune) bool {
	return r == 0x2194 || r >= 0x2195 && r <= 0x3299 && unicode.Is(unicode.So, r) || r >= 0x1F000 && r <= 0x1FAFF && !isSkinTone(r)
}

func isSkinTone(r rune) bool { return r >= 0x1F3FB && r <= 0x1F3FF }

// hasStyles reports whether r can have a text style and an emoji style: symbols, punctuation, the keys of a telephone, and ℹ
// (emoji-variation-sequences.txt).
func hasStyles(r rune) bool {
	return r == '#' || r == '*' || r >= '0' && r <= '9' || r == 'ℹ' || r > 0x7F && unicode.In(r, unicode.P, unicode.S) && !isSkinTone(r)
}

// hasVariants reports whether the variation selector can follow r: Mongolian ones after Mongolian letters, the others after
// ideographs, symbols, and letters and digits of some scripts, but not after letters with a case (StandardizedVariants.txt).
func hasVariants(selector, r rune) bool {
	if selector < 0xFE00 {
		return unicode.Is(unicode.Mongolian, r) && unicode.IsLetter(r)
	}
	return r == '0' || r > 0x7F && unicode.In(r, unicode.Lo, unicode.P, unicode.S)
}
