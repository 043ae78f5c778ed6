//go:build compose

package compose

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/tests/scenario"
)

// services returns the names of the services in the Compose files, except those left out and the operator's commands, which `up` does
// not start either. docker-compose 1.29 lists those as well.
func (sys *stack) services(t testing.TB) []string {
	t.Helper()
	var file struct {
		Services map[string]struct{ Profiles []string }
	}
	if err := yaml.Unmarshal(scenario.Try(os.ReadFile(sys.path("docker-compose.yml"))).OrFail(t), &file); err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(scenario.Try(sys.compose(t.Context(), "config", "--services")).OrFail(t))
	for _, name := range sys.without {
		if !slices.Contains(all, name) {
			t.Fatalf("WITHOUT contains %s, which is not a service of the Compose files", name)
		}
	}
	return slices.DeleteFunc(all, func(name string) bool {
		return slices.Contains(sys.without, name) || len(file.Services[name].Profiles) > 0
	})
}

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
