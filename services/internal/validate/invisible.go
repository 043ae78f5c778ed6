package validate

import (
	"slices"
	"strings"
	"unicode"
)

// isIgnorable reports whether fonts show nothing for r on its own. These are format characters, fillers, tags and variation selectors:
// Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), the annotation characters, and the fillers of music and of the
// Khitan script. Format characters with a glyph do not count: signs that enclose digits, such as U+06DD, and the controls of hieroglyphs.
func isIgnorable(r rune) bool {
	const nullNotehead, khitanFiller = '\U0001D159', '\U00016FE4'
	hieroglyphic := r >= 0x13430 && r <= 0x1343F
	return r == nullNotehead || r == khitanFiller ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) && !hieroglyphic
}

// stripInvisible removes the ignorable characters that have no effect where they stand (hasEffect).
func stripInvisible(text string) string {
	if !strings.ContainsFunc(text, isIgnorable) {
		return text
	}
	runes := []rune(text)
	kept := make([]rune, 0, len(runes))
	for i := 0; i < len(runes); {
		if flag := flagLength(runes[i:]); flag > 0 {
			kept = append(kept, runes[i:i+flag]...)
			i += flag
			continue
		}
		if r := runes[i]; !isIgnorable(r) || hasEffect(r, kept, runes[i+1:]) {
			kept = append(kept, r)
		}
		i++
	}
	return string(kept)
}

// hasEffect reports whether the ignorable character r changes how the text looks. The parameter before has the characters in front of r,
// without the ignorable ones that were removed; the parameter after has those behind it.
func hasEffect(r rune, before, after []rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner, mongolianSeparator = '\u200c', '\u200d', '\u180e'
	previous, next := rune(0), rune(0)
	if len(before) > 0 {
		previous = before[len(before)-1]
	}
	if len(after) > 0 {
		next = after[0]
	}
	switch {
	case isDirectional(r):
		return r != previous || !isMark(r) // a second mark of the same kind adds nothing
	case r == zeroWidthJoiner && isEmojiPart(previous):
		return isPictograph(next)
	case r == zeroWidthNonJoiner && unicode.In(previous, unicode.L, unicode.N) && unicode.IsLetter(next) && unicode.In(next, joining...):
		return true // a Persian ending of a foreign word
	case r == zeroWidthJoiner, r == zeroWidthNonJoiner:
		return usesJoiners(before)
	case r == mongolianSeparator:
		return isMongolianLetter(previous) && isMongolianLetter(next)
	case unicode.Is(unicode.Variation_Selector, r):
		return hasVariants(previous)
	}
	return false
}

func isMongolianLetter(r rune) bool { return unicode.Is(unicode.Mongolian, r) && unicode.IsLetter(r) }

// hasVariants reports whether a variation selector after r can have an effect: after a digit, sign or symbol, which may be an emoji,
// and after letters of scripts without case (StandardizedVariants.txt, emoji-variation-sequences.txt). ℹ is a letter.
func hasVariants(r rune) bool {
	return unicode.In(r, unicode.Lo, unicode.N, unicode.P, unicode.S, unicode.Cn) && !isIgnorable(r) && !isBlank(r) || r == 'ℹ'
}

// isDirectional reports whether r is a bidirectional control character (Unicode TR 9, 2).
func isDirectional(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

// isMark reports whether r is one of the direction marks LRM, RLM and ALM. A mark acts like an invisible letter of its direction, and
// opens no range that must be closed.
func isMark(r rune) bool { return r == '\u200e' || r == '\u200f' || r == '\u061c' }

// joining lists the scripts whose letters change shape at a joiner: scripts that write letters joined (Unicode, 9.2 and 23.2), and
// scripts with a virama (12.1).
var joining = []*unicode.RangeTable{
	unicode.Adlam, unicode.Arabic, unicode.Hanifi_Rohingya, unicode.Mandaic, unicode.Manichaean, unicode.Mongolian, unicode.Nko,
	unicode.Phags_Pa, unicode.Psalter_Pahlavi, unicode.Sogdian, unicode.Syriac,
	unicode.Balinese, unicode.Bengali, unicode.Brahmi, unicode.Chakma, unicode.Devanagari, unicode.Grantha, unicode.Gujarati,
	unicode.Gurmukhi, unicode.Javanese, unicode.Kaithi, unicode.Kannada, unicode.Kharoshthi, unicode.Khmer, unicode.Malayalam,
	unicode.Meetei_Mayek, unicode.Modi, unicode.Myanmar, unicode.Newa, unicode.Oriya, unicode.Saurashtra, unicode.Sharada,
	unicode.Siddham, unicode.Sinhala, unicode.Sundanese, unicode.Tai_Tham, unicode.Takri, unicode.Tamil, unicode.Telugu,
	unicode.Tibetan, unicode.Tirhuta,
}

// usesJoiners reports whether a joiner at the end of text has an effect: whether the last letter, which may have marks, belongs to
// a script in joining. The joiner may end a word, as in Malayalam.
func usesJoiners(text []rune) bool {
	for range min(len(text), maxMarks+2) { // bounded, because it runs for each joiner; problemOf refuses more marks
		last := text[len(text)-1]
		if unicode.In(last, joining...) {
			return !isIgnorable(last)
		}
		if !unicode.Is(unicode.Mn, last) {
			return false
		}
		text = text[:len(text)-1]
	}
	return false
}

// isEmojiPart reports whether previous ends one emoji of a sequence: a pictograph, its skin tone, or the selector that makes it
// an emoji (Unicode TR 51, ED-16).
func isEmojiPart(previous rune) bool {
	const emojiSelector = '\ufe0f'
	skinTone := previous >= 0x1F3FB && previous <= 0x1F3FF
	return isPictograph(previous) || skinTone || previous == emojiSelector
}

// isPictograph reports whether r can be an emoji. Unassigned characters in the emoji blocks may be emoji of a later Unicode version, so
// they count too.
func isPictograph(r rune) bool {
	const leftRightArrow = '\u2194' // a mathematical symbol, and the emoji of a shaking head
	return unicode.Is(unicode.So, r) && !isBlank(r) || r >= 0x1F000 && r <= 0x1FAFF || r == leftRightArrow
}

// flagLength returns the length of the flag of a region such as Scotland that text starts with, or 0. It is a black flag, tags
// that spell three to six letters or digits, and a last tag (Unicode TR 51, ED-14a). Other tags only hide text.
func flagLength(text []rune) int {
	const blackFlag, lastTag, longest = '\U0001F3F4', '\U000E007F', 6
	if text[0] != blackFlag {
		return 0
	}
	end := slices.IndexFunc(text[1:], func(r rune) bool {
		letter, digit := r >= 0xE0061 && r <= 0xE007A, r >= 0xE0030 && r <= 0xE0039
		return !letter && !digit
	})
	if end < 3 || end > longest || text[1+end] != lastTag {
		return 0
	}
	return end + 2
}
