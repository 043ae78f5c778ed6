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

// skipCheck records a check that this run skips because it leaves out some services. The last lines of the run repeat it.
func (sys *stack) skipCheck(check string, missing []string) {
	line := fmt.Sprintf("%s: needs %s", check, strings.Join(missing, ", "))
	sys.skippedChecks = append(sys.skippedChecks, line)
	printProgress("left out: %s", line)
}

// isLeftOut reports whether a metric's labels name a service that this run leaves out.
func (sys *stack) isLeftOut(labels map[string]string) bool {
	host, _, _ := strings.Cut(labels["instance"], ":")
	return len(sys.missing(labels["service"], host)) > 0
}

// printSummary prints the last lines of the run: its notes and the skipped checks.
func (sys *stack) printSummary() {
	for _, note := range sys.notes {
		printProgress("%s", note)
	}
	if len(sys.without) > 0 {
		printProgress("left out, as WITHOUT asks: %s", strings.Join(sys.without, ", "))
	}
	for _, line := range sys.skippedChecks {
		printProgress("NOT CHECKED: %s", line)
	}
}
