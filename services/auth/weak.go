package main

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn"
	"github.com/trustelem/zxcvbn/frequency"
	"github.com/trustelem/zxcvbn/match"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

const (
	// minGuesses is the number of guesses that a password must withstand. The throttle lets an attacker with many addresses make
	// about ten a minute, so that 100,000 take a week. Common and personal passwords are refused in any case.
	minGuesses = 1e5
	// maxJudged is how much of a password is judged, in bytes: the time grows faster than the length.
	maxJudged = 40
)

// commonPasswords holds the 30,000 most common passwords, in lower case.
var commonPasswords = func() map[string]bool {
	list := frequency.FrequencyLists["passwords"]
	common := make(map[string]bool, len(list))
	for _, password := range list {
		common[password] = true
	}
	return common
}()

// weakness returns the reason why password is too easy to guess for the account with this e-mail and name, or "" (NIST SP 800-63B,
// 3.1.1.2).
func weakness(password, email, name string) string {
	folded := foldPassword(password)
	personal := personalWords(email, name)
	switch {
	case folded == "" || isRepeated(folded):
		return "must not repeat one character or a few: choose several words"
	case commonPasswords[strings.ToLower(password)], commonPasswords[folded], commonPasswords[withoutSeparators(folded)]:
		return "is one of the most common passwords: choose several words"
	case isPersonal(folded, personal):
		return "must not be the e-mail, a part of it or the name: choose several words"
	}
	for i := range personal {
		personal[i] = toBytes(personal[i])
	}
	for _, form := range judgedForms(password, folded) {
		if result := zxcvbn.PasswordStrength(form, personal); result.Guesses < minGuesses {
			return "is too easy to guess (" + pattern(result.Sequence) + "): choose several words"
		}
	}
	return ""
}

// judgedForms returns the forms of a password that zxcvbn judges: at most three, of at most maxJudged bytes each, so that no password
// keeps the service busy for long.
func judgedForms(password, folded string) []string {
	forms := []string{password, folded}
	if letters := withoutSeparators(folded); repeatedUnit(letters) != letters {
		forms = append(forms, repeatedUnit(letters))
	}
	for i, form := range forms {
		forms[i] = firstBytes(toBytes(form), maxJudged)
	}
	return slices.Compact(forms)
}

// toBytes replaces each character of text outside ASCII by control characters. zxcvbn counts bytes, so it misjudges longer characters; it
// takes a control character for any other character. Neighbouring characters stay neighbours. A character of a large script becomes two,
// because it is harder to guess.
func toBytes(text string) string {
	const controls, largeScripts = 31, 0x3400 // Han, Hangul and emoji
	var bytes strings.Builder
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			bytes.WriteRune(r)
		case r < largeScripts:
			bytes.WriteRune(1 + r%controls)
		default:
			bytes.WriteRune(1 + r%controls)
			bytes.WriteRune(1 + r/controls%controls)
		}
	}
	return bytes.String()
}

func firstBytes(ascii string, most int) string { return ascii[:min(len(ascii), most)] }

func isSeparator(r rune) bool { return strings.ContainsRune(" .-_+@", r) }

func withoutSeparators(text string) string {
	return strings.Join(strings.FieldsFunc(text, isSeparator), "")
}

// foldPassword returns the common form of a password and its obvious variants: without case, accents, widths and surrounding space.
func foldPassword(password string) string {
	folded := norm.NFKD.String(cases.Fold().String(password))
	folded = strings.Map(func(r rune) rune {
		if norm.NFC.PropertiesString(string(r)).CCC() != 0 {
			return -1
		}
		return r
	}, folded)
	return strings.TrimSpace(norm.NFC.String(folded))
}

// isRepeated reports whether text repeats a unit of one to three characters.
func isRepeated(text string) bool {
	const few = 3
	unit := utf8.RuneCountInString(repeatedUnit(text))
	return unit <= few && unit < utf8.RuneCountInString(text)
}

// repeatedUnit returns the shortest text whose repetition is text, or text itself if there is none. The last repetition may be
// incomplete.
func repeatedUnit(text string) string {
	runes := []rune(text)
	for length := 1; 2*length <= len(runes); length++ {
		if slices.Equal(runes[length:], runes[:len(runes)-length]) {
			return string(runes[:length])
		}
	}
	return text
}

// personalWords returns the folded e-mail and name, whole and split into words of more than two characters.
func personalWords(email, name string) []string {
	local, domain, _ := strings.Cut(email, "@")
	words := []string{foldPassword(email), foldPassword(local), foldPassword(domain), foldPassword(name)}
	for _, text := range []string{email, name} {
		for _, word := range strings.FieldsFunc(foldPassword(text), isSeparator) {
			if utf8.RuneCountInString(word) > 2 {
				words = append(words, word)
			}
		}
	}
	return words
}

// isPersonal reports whether folded is one of the personal words, forwards or backwards, perhaps with a few digits or signs
// around it or between its letters.
func isPersonal(folded string, personal []string) bool {
	const few = 6
	bare := dropASCIINonLetters(folded)
	if bare == "" || len(folded)-len(bare) > few {
		bare = folded
	}
	for _, word := range personal {
		if word != "" && (folded == word || bare == dropASCIINonLetters(word) || bare == reverse(dropASCIINonLetters(word))) {
			return true
		}
	}
	return false
}

// dropASCIINonLetters removes everything but a to z from the ASCII part of folded text, which is in lower case. Other characters stay.
func dropASCIINonLetters(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf && (r < 'a' || r > 'z') {
			return -1
		}
		return r
	}, text)
}

func reverse(text string) string {
	reversed := make([]rune, 0, len(text))
	for _, r := range text {
		reversed = append([]rune{r}, reversed...)
	}
	return string(reversed)
}

// pattern names the longest guessable part of a password, without repeating the password.
func pattern(sequence []*match.Match) string {
	longest := &match.Match{}
	for _, part := range sequence {
		if part.Pattern != "bruteforce" && len(part.Token) > len(longest.Token) {
			longest = part
		}
	}
	switch longest.Pattern {
	case "dictionary":
		if longest.DictionaryName == "user_inputs" {
			return "it has the e-mail or the name"
		}
		return "it has a common word or password"
	case "spatial":
		return "neighbouring keys"
	case "repeat":
		return "repeated characters"
	case "sequence":
		return "a sequence such as abcd or 1234"
	case "date":
		return "a date"
	case "regex":
		return "a year"
	}
	return "it has few different characters"
}
