//go:build compose

package compose

import (
	"fmt"
	"slices"
	"strings"
)

// missing returns the named services that this run leaves out.
func (sys *stack) missing(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !slices.Contains(sys.without, name) })
}

// skipCheck records a check that this run skips, because it leaves out services that the check needs. The summary repeats it.
func (sys *stack) skipCheck(check string, missing []string) {
	line := fmt.Sprintf("%s: needs %s", check, strings.Join(missing, ", "))
	sys.skippedChecks = append(sys.skippedChecks, line)
	printProgress("skipped: %s", line)
}

// isLeftOut reports whether the labels of a series name a service that this run leaves out.
func (sys *stack) isLeftOut(labels map[string]string) bool {
	host, _, _ := strings.Cut(labels["instance"], ":")
	return len(sys.missing(labels["service"], host)) > 0
}

// printSummary prints the notes of the run, the services that it left out, and the checks that it skipped.
func (sys *stack) printSummary() {
	for _, note := range sys.notes {
		printProgress("%s", note)
	}
	if len(sys.without) > 0 {
		printProgress("services left out by WITHOUT: %s", strings.Join(sys.without, ", "))
	}
	for _, line := range sys.skippedChecks {
		printProgress("NOT CHECKED: %s", line)
	}
}
