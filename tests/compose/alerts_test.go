//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"comanda/tests/scenario"
)

const (
	// rulesFolder holds the alert rules in the repository.
	rulesFolder = "deploy/prometheus/rules"
	// rulesMount is the folder of the rules in Prometheus's container.
	rulesMount = "/etc/prometheus/rules"
)

// Under test, Prometheus loads a copy of the rules. It has the same expressions, but they are evaluated more often, each `for` is
// one sixth of the original and at most 30 s, and there is no `keep_firing_for`.
const (
	testInterval = "5s"
	forDivisor   = 6
	maxFor       = 30 * time.Second
)

// shortenFor returns a rule's `for` under test.
func shortenFor(given any) (string, error) {
	original, err := time.ParseDuration(fmt.Sprint(given))
	return min(original/forDivisor, maxFor).String(), err
}

// writeShortRules reads the rules in one folder and writes the copy for the test to another.
func writeShortRules(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*.yml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no rules in %s: %v", from, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var rules struct {
			Groups []map[string]any `yaml:"groups"`
		}
		if err := yaml.Unmarshal(text, &rules); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		for _, group := range rules.Groups {
			group["interval"] = testInterval
			for _, rule := range group["rules"].([]any) {
				rule := rule.(map[string]any)
				if given, exists := rule["for"]; exists {
					if rule["for"], err = shortenFor(given); err != nil {
						return fmt.Errorf("%s: %w", file, err)
					}
				}
				delete(rule, "keep_firing_for")
			}
		}
		short, err := yaml.Marshal(rules)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(file)), short, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rule is a rule as Prometheus has loaded it.
type rule struct {
	Name, Type, Health, LastError string
	Labels, Annotations           map[string]string
}

// rules returns the alerts that Prometheus has loaded. A rule that Prometheus cannot evaluate fails the test.
func (sys *stack) rules(t testing.TB) []rule {
	t.Helper()
	var answer struct {
		Groups []struct{ Rules []rule }
	}
	if err := sys.prometheus(t.Context(), "rules", nil, &answer); err != nil {
		t.Fatal(err)
	}
	var alerts []rule
	for _, group := range answer.Groups {
		for _, r := range group.Rules {
			if r.Health == "err" {
				t.Errorf("%s: %s", r.Name, r.LastError)
			}
			if r.Type == "alerting" {
				alerts = append(alerts, r)
			}
		}
	}
	return alerts
}

// alertPattern identifies an alert: its name, and label=value for each label that distinguishes it from other alerts of that
// name.
type alertPattern string

// matchesAlert reports whether an alert has the pattern's name and labels.
func (p alertPattern) matchesAlert(name string, labels map[string]string) bool {
	return p.matches(name, func(label, value string) bool { return labels[label] == value })
}

// matchesRule reports whether a rule can create the pattern's alert: it sets none of the pattern's labels to another value.
// Labels that the rule does not set come from its expression.
func (p alertPattern) matchesRule(r rule) bool {
	return p.matches(r.Name, func(label, value string) bool {
		fixed, exists := r.Labels[label]
		return !exists || fixed == value
	})
}

// matches reports whether the name is the pattern's name and labelMatches accepts each of the pattern's labels.
func (p alertPattern) matches(name string, labelMatches func(label, value string) bool) bool {
	wanted, labels, _ := strings.Cut(string(p), " ")
	if name != wanted {
		return false
	}
	for pair := range strings.FieldsSeq(labels) {
		label, value, _ := strings.Cut(pair, "=")
		if !labelMatches(label, value) {
			return false
		}
	}
	return true
}

// Prometheus has loaded every alert that a fault of this test makes fire, and no other. Each alert has a runbook. No alert fires
// under ordinary traffic, which includes refused requests.
func testNoAlertWithoutAFault(t *testing.T, sys *stack) {
	ordinary := sys.startTraffic(t)
	defer ordinary.stop()
	rules := sys.rules(t)
	if len(rules) == 0 {
		t.Fatal("Prometheus has loaded no alerts")
	}
	for _, r := range rules {
		_, runbook, _ := strings.Cut(r.Annotations["runbook_url"], "docs/runbooks/")
		if _, err := os.Stat(sys.path(filepath.Join("docs/runbooks", runbook))); runbook == "" || err != nil {
			t.Errorf("%s: the runbook %q does not exist", r.Name, r.Annotations["runbook_url"])
		}
		if !slices.ContainsFunc(expectedAlerts(), func(p alertPattern) bool { return p.matchesRule(r) }) {
			t.Errorf("no fault of this test makes %s %v fire", r.Name, r.Labels)
		}
	}
	for _, p := range expectedAlerts() {
		if !slices.ContainsFunc(rules, func(r rule) bool { return p.matchesRule(r) }) {
			t.Errorf("Prometheus has no alert %s", p)
		}
	}
	sys.wantNoAlerts(t, quietPeriod)
	printProgress("     %d alerts loaded; none fired in %v of ordinary traffic", len(rules), quietPeriod)
}

// quietPeriod is longer than every shortened `for`, so an alert whose expression is wrong would fire within it.
const quietPeriod = 45 * time.Second

// wantNoAlerts checks during this time that no alert fires.
func (sys *stack) wantNoAlerts(t *testing.T, duration time.Duration) {
	t.Helper()
	for end := time.After(duration); ; {
		for _, a := range scenario.Try(sys.alerts(t.Context())).OrFail(t) {
			if a.State == "firing" {
				t.Fatalf("an alert fires without a fault: %v", a)
			}
		}
		select {
		case <-end:
			return
		case <-time.After(2 * time.Second):
		}
	}
}

// The test causes each fault, waits for its alerts, and undoes it. Some alerts fire only after the fault is undone.
func testEveryAlertFires(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	sys.faultScenario, sys.ana, sys.dish = s, s.Customer(), s.Dish(1_000_000, 700)
	for _, f := range faults {
		if missing := sys.missing(f.needs...); len(missing) > 0 {
			sys.skipCheck(f.name, missing)
			continue
		}
		t.Run(f.name, func(t *testing.T) { sys.testFault(t, f) })
	}
}

// testFault causes a fault and checks that its alerts fire after the fault and not before.
func (sys *stack) testFault(t *testing.T, f fault) {
	if !sys.keep { // in a kept system, alerts of an earlier run may still fire
		sys.awaitNoneFiring(t, f.during)
	}
	since := time.Now()
	undo := sync.OnceFunc(f.cause(t, sys))
	defer func() { undo(); sys.awaitHealthy(t, recoveryTimeout) }()
	fired := sys.awaitFiring(t, f.during)
	undo()
	fired = append(fired, sys.awaitFiring(t, f.after)...)
	sys.awaitHealthy(t, recoveryTimeout)
	printProgress("     %s: %s. All containers were healthy after %.0f s.", f.name, strings.Join(fired, ", "),
		time.Since(since).Seconds())
}

// awaitNoneFiring waits until none of these alerts fires: an earlier fault may have made them fire. The summary of the run
// names the alerts that it waited for.
func (sys *stack) awaitNoneFiring(t *testing.T, wanted []alertPattern) {
	t.Helper()
	waitedFor := map[string]bool{}
	const noneFiring = "no alert of the next fault fires before the fault"
	scenario.EventuallyWithin(t, alertTimeout, noneFiring, func(ctx context.Context) error {
		alerts, err := sys.alerts(ctx)
		for _, a := range alerts {
			isWanted := func(p alertPattern) bool { return p.matchesAlert(a.Labels["alertname"], a.Labels) }
			if a.State == "firing" && slices.ContainsFunc(wanted, isWanted) {
				waitedFor[a.String()] = true
				err = errors.Join(err, fmt.Errorf("%v", a))
			}
		}
		return err
	})
	for a := range waitedFor {
		sys.note("%s: this alert fired before the fault and then stopped: %s", t.Name(), a)
	}
}

// awaitFiring waits until each of these alerts fires. It returns a line for each with the time that it took.
func (sys *stack) awaitFiring(t *testing.T, wanted []alertPattern) []string {
	since, took := time.Now(), map[alertPattern]string{}
	scenario.EventuallyWithin(t, alertTimeout, "the alerts fire", func(ctx context.Context) error {
		alerts, err := sys.alerts(ctx)
		if err != nil {
			return err
		}
		for _, p := range wanted {
			isFiring := func(a alert) bool { return a.State == "firing" && p.matchesAlert(a.Labels["alertname"], a.Labels) }
			if took[p] == "" && slices.ContainsFunc(alerts, isFiring) {
				took[p] = fmt.Sprintf("%s fires after %.0f s", p, time.Since(since).Seconds())
			}
			if took[p] == "" {
				err = errors.Join(err, fmt.Errorf("%s does not fire", p))
			}
		}
		return err
	})
	return slices.Sorted(maps.Values(took))
}

// alertTimeout limits the time until an alert fires or stops firing, on a machine that runs other work. It covers the scrapes,
// the alert's window and its shortened `for`.
const alertTimeout = 3 * time.Minute
