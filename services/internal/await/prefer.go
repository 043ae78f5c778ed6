package await

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"comanda/services/internal/rest"
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
	elements, _ := rest.SplitUnquoted(strings.Join(headers, ","), ',')
	for _, element := range elements {
		parameters, _ := rest.SplitUnquoted(element, ';')
		key, value, _ := strings.Cut(parameters[0], "=")
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return rest.Unquote(strings.TrimSpace(value)), true
		}
	}
	return "", false
}
