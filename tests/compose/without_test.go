//go:build compose

package compose

import (
	"fmt"
	"slices"
	"strings"
)

// missing returns those of the named services that this run leaves out.
func (sys *stack) missing(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(sys.without, name) })
}

// unchecked records a check that this run skips because it leaves out some services. The last lines of the run repeat it.
func (sys *stack) unchecked(check string, missing []string) {
	line := fmt.Sprintf("%s: needs %s", check, strings.Join(missing, ", "))
	sys.notChecked = append(sys.notChecked, line)
	say("left out: %s", line)
}

// leftOut reports whether a metric's labels name a service that this run leaves out.
func (sys *stack) leftOut(labels map[string]string) bool {
	host, _, _ := strings.Cut(labels["instance"], ":")
	return len(sys.missing(labels["service"], host)) > 0
}

// saySummary prints the last lines of the run: its notes and the skipped checks.
func (sys *stack) saySummary() {
	for _, note := range sys.notes {
		say("%s", note)
	}
	if len(sys.without) > 0 {
		say("left out, as WITHOUT asks: %s", strings.Join(sys.without, ", "))
	}
	for _, line := range sys.notChecked {
		say("NOT CHECKED: %s", line)
	}
}
