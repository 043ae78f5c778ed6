package passwordrule

import (
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/trustelem/zxcvbn"
	"github.com/trustelem/zxcvbn/frequency"
	"github.com/trustelem/zxcvbn/match"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// minGuesses is the number of guesses that a password must withstand. At the rate that the slowdown of logins allows for one
	// account, once a minute, they take two months.
	minGuesses = 100_000

	minDifferent = 4 // different characters
	minPersonal  = 3 // bytes of a word of the name that counts; shorter ones are in every password
)

const sequence = "is a sequence of neighbouring characters or keys"

// weakness returns why password is easy to guess, or "".
func weakness(password, email, name string) string {
	password = skeleton(password)
	personal := personalWords(skeleton(email), skeleton(name))
	estimate := zxcvbn.PasswordStrength(password, personal)
	parts := estimate.Sequence
	switch {
	case strings.TrimSpace(password) == "":
		return "is only spaces"
	case isPersonal(password, personal):
		return "is the e-mail or the name"
	case isCommon(password), len(parts) == 1 && isCommon(parts[0].MatchedWord):
		return "is one of the most common passwords"
	case differentCharacters(password) < minDifferent:
		return "repeats the same characters"
	case isSequence([]rune(password)):
		return sequence
	case estimate.Guesses < minGuesses:
		return weaknessOf(password, parts, personal)
	}
	return ""
}

// weaknessOf names what makes the weak password of these parts weak. It does not use the dictionary of a part: of several with the
// same word, zxcvbn names any.
func weaknessOf(password string, parts []*match.Match, personal []string) string {
	longest := parts[0]
	for _, part := range parts {
		if part.J-part.I > longest.J-longest.I {
			longest = part
		}
	}
	hasPersonal := slices.ContainsFunc(personal, func(word string) bool { return len(word) > minPersonal && strings.Contains(password, word) })
	switch {
	case hasPersonal:
		return "is too close to the e-mail or the name"
	case isCommon(longest.MatchedWord):
		return "is too close to one of the most common passwords"
	case longest.Pattern == "repeat":
		return "repeats the same characters"
	case longest.Pattern == "sequence", longest.Pattern == "spatial":
		return sequence
	case longest.Pattern == "date", longest.Pattern == "regex":
		return "is a date"
	}
	return "is too easy to guess"
}

// commonPasswords holds zxcvbn's list of the most common passwords.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	list := frequency.FrequencyLists["passwords"]
	common := make(map[string]bool, len(list))
	for _, password := range list {
		common[password] = true
	}
	return common
})

// isCommon reports whether word, in lower case, is one of the most common passwords. "" is none.
func isCommon(word string) bool { return commonPasswords()[word] }

// skeleton returns text without what a guesser tries first: case, accents, width, and the script of digits.
func skeleton(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Mn, r):
			return -1
		case unicode.Is(unicode.Nd, r):
			return asciiDigit(r)
		}
		return r
	}, norm.NFKD.String(text))
	return norm.NFC.String(cases.Fold().String(text))
}

// asciiDigit returns the ASCII form of a decimal digit. The ten digits of a script are in a row, zero first (Unicode 4.6).
func asciiDigit(r rune) rune {
	first := r
	for unicode.Is(unicode.Nd, first-1) {
		first--
	}
	return '0' + (r-first)%10
}

// personalWords returns what an attacker who knows a person tries first: the e-mail, its local part and domain, the name and its words.
func personalWords(email, name string) []string {
	words := []string{email, name, strings.Join(strings.Fields(name), "")}
	if at := strings.LastIndexByte(email, '@'); at >= 0 {
		words = append(words, email[:at], email[at+1:])
	}
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		if len(word) >= minPersonal {
			words = append(words, word)
		}
	}
	return words
}

// isPersonal reports whether password is made of words alone, forwards or backwards, apart from what is not a letter or number.
func isPersonal(password string, words []string) bool {
	core := lettersAndNumbers(password)
	if core == "" {
		return false
	}
	words = slices.SortedFunc(slices.Values(words), func(a, b string) int { return len(b) - len(a) })
	forwards, backwards := core, reversed(core)
	for _, word := range words {
		if word = lettersAndNumbers(word); word != "" {
			forwards, backwards = strings.ReplaceAll(forwards, word, ""), strings.ReplaceAll(backwards, word, "")
		}
	}
	return forwards == "" || backwards == ""
}

func lettersAndNumbers(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, text)
}

func reversed(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i := len(runes) - 1; i >= 0; i-- {
		b.WriteRune(runes[i])
	}
	return b.String()
}

// isSequence reports whether text goes forwards or backwards through an alphabet in equal steps. zxcvbn knows Latin letters only.
func isSequence(text []rune) bool {
	for i := 2; i < len(text); i++ {
		if text[i]-text[i-1] != text[1]-text[0] {
			return false
		}
	}
	return true
}

func differentCharacters(text string) int {
	seen := map[rune]bool{}
	for _, r := range text {
		seen[r] = true
	}
	return len(seen)
}
