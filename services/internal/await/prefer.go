package await

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"comanda/services/internal/telemetry"
)

// Wait returns the wait that r's Prefer header asks for (RFC 7240, 4.3), at most MaxWait, or 0 without one. A preference is
// never an error: a value that is not a whole number of seconds is ignored, and so are all other preferences. Wait records the wait in the
// telemetry of r.
func Wait(r *http.Request) time.Duration {
	value, ok := preference(r.Header.Values("Prefer"), "wait")
	if !ok || value == "" || strings.Trim(value, "0123456789") != "" {
		return 0
	}
	seconds, err := strconv.Atoi(value)
	if most := int(MaxWait / time.Second); err != nil || seconds > most { // an error: more digits than fit
		seconds = most
	}
	wait := time.Duration(seconds) * time.Second
	telemetry.SetAgreedWait(r.Context(), wait)
	return wait
}

// Applied tells the client which wait was used (RFC 7240, 3).
func Applied(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		w.Header().Set("Preference-Applied", Preference(wait))
	}
}

// Preference returns the preference for a wait.
func Preference(wait time.Duration) string { return fmt.Sprintf("wait=%d", int(wait/time.Second)) }

// preference returns the value of the first preference called name. Its later instances do not count, nor do the parameters
// of other preferences (RFC 7240, 2).
func preference(headers []string, name string) (value string, found bool) {
	for _, element := range splitUnquoted(strings.Join(headers, ","), ',') {
		first := splitUnquoted(element, ';')[0]
		key, value, _ := strings.Cut(first, "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return unquote(strings.TrimSpace(value)), true
		}
	}
	return "", false
}

// splitUnquoted splits text at each separator outside a quoted string.
func splitUnquoted(text string, separator byte) (parts []string) {
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
	return append(parts, text[begin:])
}

// unquote returns the content of a quoted string (RFC 9110, 5.6.4), or any other word as it is.
func unquote(word string) string {
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
