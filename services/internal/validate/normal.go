package validate

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/unicode/rangetable"
)

// normalText returns the form in which text is stored and compared: NFC, with line breaks as \n, spaces of all widths as U+0020,
// without invisible characters that no script or emoji needs where they stand, and without spaces at its ends. Applied to
// its result, it changes nothing.
func normalText(value string) string {
	value = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(norm.NFC.String(value))
	value = strings.Map(plainSpace, value)
	// Characters that an invisible one kept apart may now compose or change places, so that another one is not needed any more.
	for range maxRounds {
		before := value
		if value = norm.NFC.String(withoutInvisible([]rune(value))); value == before {
			return strings.TrimSpace(value)
		}
	}
	return strings.TrimSpace(norm.NFC.String(strings.Map(visibleOnly, value)))
}

// maxRounds bounds the work for texts made to need many rounds; ordinary ones need two. After it, no invisible character stays.
const maxRounds = 4

func visibleOnly(r rune) rune {
	if isInvisible(r) {
		return -1
	}
	return r
}

// blank holds the characters that look like a space but are symbols or letters: the Braille blank and the Egyptian blanks.
var blank = rangetable.New(0x2800, 0x13441, 0x13442)

func plainSpace(r rune) rune {
	if unicode.Is(unicode.Zs, r) || unicode.Is(blank, r) {
		return ' '
	}
	return r
}

// unseen holds invisible characters that Unicode does not list as ignorable: the fillers of music and of the Khitan script.
var unseen = rangetable.New(0x1D159, 0x16FE4)

// isInvisible reports whether r has the property Default_Ignorable_Code_Point, derived as in DerivedCoreProperties.txt, or is
// otherwise unseen. Characters that set the direction of text are not included: dangerIn decides about them.
func isInvisible(r rune) bool {
	switch {
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unseen):
		return true
	case unicode.In(r, unicode.Bidi_Control, unicode.Prepended_Concatenation_Mark, annotation, hieroglyphJoiners):
		return false
	}
	return unicode.Is(unicode.Cf, r)
}

var (
	annotation        = rangetable.New(0xFFF9, 0xFFFA, 0xFFFB)
	hieroglyphJoiners = &unicode.RangeTable{R32: []unicode.Range32{{Lo: 0x13430, Hi: 0x1345F, Stride: 1}}}
)

// withoutInvisible removes the invisible characters, except those that isNeeded or that belong to an emoji flag.
func withoutInvisible(text []rune) string {
	kept := make([]rune, 0, len(text))
	for i := 0; i < len(text); i++ {
		if length := flagLength(text[i:]); length > 0 {
			kept = append(kept, text[i:i+length]...)
			i += length - 1
			continue
		}
		if !isInvisible(text[i]) || isNeeded(text[i], last(kept), nextKept(text[i+1:])) {
			kept = append(kept, text[i])
		}
	}
	return string(kept)
}

func last(text []rune) rune {
	if len(text) == 0 {
		return 0
	}
	return text[len(text)-1]
}

// nextKept returns the first character of text that is not invisible, or 0.
func nextKept(text []rune) rune {
	for _, r := range text {
		if !isInvisible(r) {
			return r
		}
	}
	return 0
}

const (
	blackFlag  = 0x1F3F4
	cancelTag  = 0xE007F
	maxFlagTag = 6 // tags of a flag: a region and a subdivision (CLDR)
)

// flagLength returns the length of the flag of a subdivision (England, Texas) at the beginning of text: a black flag and invisible
// tag characters (Unicode TR 51, C.1). Elsewhere tag characters can only hide text. It is 0 when text does not begin with one.
func flagLength(text []rune) int {
	if len(text) == 0 || text[0] != blackFlag {
		return 0
	}
	for i := 1; i < len(text) && i <= maxFlagTag+1; i++ {
		switch tag := text[i]; {
		case tag == cancelTag && i > 3:
			return i + 1
		case !(tag >= 0xE0030 && tag <= 0xE0039 || tag >= 0xE0061 && tag <= 0xE007A):
			return 0
		}
	}
	return 0
}
