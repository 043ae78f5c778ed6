package rest

import "strings"

// SplitUnquoted splits the value of a header at each separator that is not inside a quoted string. Inside quotes a backslash makes the next
// character an ordinary one (RFC 9110, 5.6.4). It reports whether all quotes are closed.
func SplitUnquoted(text string, separator byte) (parts []string, closed bool) {
	quoted, begin := false, 0
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case text[i] == separator && !quoted:
			parts, begin = append(parts, text[begin:i]), i+1
		}
	}
	return append(parts, text[begin:]), !quoted
}

// Unquote returns the content of a quoted string (RFC 9110, 5.6.4), or any other word as it is.
func Unquote(word string) string {
	if len(word) < 2 || word[0] != '"' || word[len(word)-1] != '"' {
		return word
	}
	var content strings.Builder
	for i := 1; i < len(word)-1; i++ {
		if word[i] == '\\' {
			i++
		}
		content.WriteByte(word[i])
	}
	return content.String()
}
