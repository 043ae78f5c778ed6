package validate

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"comanda/services/internal/fault"
)

// Line returns value, one line of text, in normal form (see normalText). The result has 1 to maxLength characters, at least one of
// them visible, and none that is refused (see dangerIn). Otherwise Line returns the wrong field; nil means that value is valid.
func Line(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, "")
}

// Text is like Line, but allows line breaks and tabs.
func Text(field, value string, maxLength int) (string, []fault.Field) {
	return checkText(field, value, maxLength, "\n\t")
}

// OptionalText is like Text, but accepts a value that is empty in normal form.
func OptionalText(field, value string, maxLength int) (string, []fault.Field) {
	if isEmpty(value, maxLength) {
		return "", nil
	}
	return Text(field, value, maxLength)
}

// Search returns value, a query parameter with text to find, in normal form. It may be empty. A value that Line would refuse
// is a 400 that names the parameter.
func Search(parameter, value string, maxLength int) (string, error) {
	if isEmpty(value, maxLength) {
		return "", nil
	}
	normal, problem := normalAndProblem(value, maxLength, "\n\t")
	if problem != "" {
		return "", fault.Malformed("%s %s", parameter, problem)
	}
	return normal, nil
}

// isEmpty reports whether value has nothing but spaces and invisible characters.
func isEmpty(value string, maxLength int) bool {
	return len(value) <= rawLimit(maxLength) && utf8.ValidString(value) && normalText(value) == "" || strings.TrimSpace(value) == ""
}

func checkText(field, value string, maxLength int, allowed string) (string, []fault.Field) {
	normal, problem := normalAndProblem(value, maxLength, allowed)
	if problem != "" {
		return "", []fault.Field{{Field: field, Message: problem}}
	}
	return normal, nil
}

// rawLimit is the limit in bytes of a text before it is normalised. NFC makes one character of at most 4; each has at most 4 bytes.
// As many again may be invisible.
func rawLimit(maxLength int) int { return 32 * maxLength }

// normalAndProblem returns value in normal form, or why it is refused. The control characters in allowed are not.
func normalAndProblem(value string, maxLength int, allowed string) (normal, problem string) {
	tooLong := fmt.Sprintf("must be at most %d characters long", maxLength)
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", "must be given"
	case len(value) > rawLimit(maxLength):
		return "", tooLong
	case !utf8.ValidString(value):
		return "", "must be valid UTF-8"
	}
	normal = normalText(value)
	danger := dangerIn(normal, allowed)
	switch {
	case danger != "":
		return "", danger
	case !strings.ContainsFunc(normal, isVisible):
		return "", "must have at least one visible character"
	case utf8.RuneCountInString(normal) > maxLength:
		return "", tooLong
	}
	return normal, ""
}

// isVisible reports whether r shows something by itself: a letter, number, punctuation mark or symbol, or a character that is
// newer than our tables, such as an emoji. normalText has removed the blank ones.
func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S, unicode.Cn)
}
