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

// rulesFolder holds the alert rules.
const rulesFolder = "deploy/prometheus/rules"

// Under test, Prometheus loads a copy of the rules: the same expressions, evaluated more often, with one sixth of each rule's
// `for`, at most 30 s.
const (
	testInterval = "5s"
	forDivisor       = 6
	maxFor      = 30 * time.Second
)

// shortenFor returns a rule's `for` under test.
func shortenFor(given any) (string, error) {
	whole, err := time.ParseDuration(fmt.Sprint(given))
	return min(time.Duration(whole)/forDivisor, maxFor).String(), err
}

// writeShortRules writes the copy of the rules.
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
				if given, there := rule["for"]; there {
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

// rule is an alert as Prometheus has loaded it.
type rule struct {
	Name, Type, Health, LastError string
	Labels, Annotations           map[string]string
}

// rules returns the alerts that Prometheus has loaded.
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

// alertPattern identifies an alert by its name and the labels that distinguish it from other alerts of that name.
type alertPattern string

// matchesAlert reports whether this is the sign's alert.
func (s alertPattern) matchesAlert(name string, labels map[string]string) bool {
	return s.matches(name, func(label, value string) bool { return labels[label] == value })
}

// matchesRule reports whether a rule can create the sign's alert: it sets no label to another value. The other labels come from
// the rule's expression.
func (s alertPattern) matchesRule(r rule) bool {
	return s.matches(r.Name, func(label, value string) bool {
		fixed, there := r.Labels[label]
		return !there || fixed == value
	})
}

func (s alertPattern) matches(name string, agrees func(label, value string) bool) bool {
	wanted, more, _ := strings.Cut(string(s), " ")
	if name != wanted {
		return false
	}
	for pair := range strings.FieldsSeq(more) {
		label, value, _ := strings.Cut(pair, "=")
		if !agrees(label, value) {
			return false
		}
	}
	return true
}

// Every alert of the files is loaded, has a runbook, and has a fault in this test that makes it fire. No alert fires under
// ordinary traffic, which includes refused requests.
func testNoAlertWithoutAFault(t *testing.T, sys *stack) {
	requests := sys.startTraffic(t)
	defer requests.stop()
	rules := sys.rules(t)
	if len(rules) == 0 {
		t.Fatal("Prometheus has loaded no alerts")
	}
	for _, r := range rules {
		_, runbook, _ := strings.Cut(r.Annotations["runbook_url"], "docs/runbooks/")
		if _, err := os.Stat(sys.path(filepath.Join("docs/runbooks", runbook))); runbook == "" || err != nil {
			t.Errorf("%s: the runbook %q does not exist", r.Name, r.Annotations["runbook_url"])
		}
		if !slices.ContainsFunc(expectedAlerts(), func(each alertPattern) bool { return each.matchesRule(r) }) {
			t.Errorf("no fault of this test makes %s %v fire", r.Name, r.Labels)
		}
	}
	for _, each := range expectedAlerts() {
		if !slices.ContainsFunc(rules, func(r rule) bool { return each.matchesRule(r) }) {
			t.Errorf("Prometheus has no alert %s", each)
		}
	}
	sys.wantNoAlerts(t, quietPeriod)
	printProgress("     %d alerts loaded, and none fired in %v of requests", len(rules), quietPeriod)
}

// quietPeriod is longer than any shortened `for`, so an alert with a wrong expression fires within it.
const quietPeriod = 45 * time.Second

// wantNoAlerts checks that no alert fires for this long.
func (sys *stack) wantNoAlerts(t *testing.T, while time.Duration) {
	t.Helper()
	for end := time.After(while); ; {
		for _, a := range scenario.Try(sys.alerts(t.Context())).OrFail(t) {
			if a.State == "firing" {
				t.Fatalf("an alert without a fault: %v", a)
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
	sys.faultScenario = sys.scenario(t)
	sys.ana, sys.dish = sys.faultScenario.Customer(), sys.faultScenario.Dish(1_000_000, 700)
	for _, f := range faults {
		if missing := sys.missing(f.needs...); len(missing) > 0 {
			sys.skipCheck(f.name, missing)
			continue
		}
		t.Run(f.name, func(t *testing.T) { sys.testFault(t, f) })
	}
}

// testFault causes a fault and checks that its alerts fire after it and not before.
func (sys *stack) testFault(t *testing.T, f fault) {
	if !sys.keep { // alerts from an earlier run may still fire in a kept system
		sys.awaitNoneFiring(t, f.during)
	}
	since := time.Now()
	undo := sync.OnceFunc(f.cause(t, sys))
	defer func() { undo(); sys.awaitHealthy(t, recoveryTimeout) }()
	fired := sys.awaitFiring(t, f.during)
	undo()
	fired = append(fired, sys.awaitFiring(t, f.after)...)
	sys.awaitHealthy(t, recoveryTimeout)
	printProgress("     %s: %s. All healthy %.0f s after it began.", f.name, strings.Join(fired, ", "), time.Since(since).Seconds())
}

// awaitNoneFiring waits until none of these alerts fires, because an earlier fault may have caused some. The run's last lines name
// the alerts that it waited for.
func (sys *stack) awaitNoneFiring(t *testing.T, wanted []alertPattern) {
	t.Helper()
	waitedFor := map[string]bool{}
	scenario.EventuallyWithin(t, alertTimeout, "no alert of the next fault fires before it", func(ctx context.Context) error {
		alerts, err := sys.alerts(ctx)
		for _, a := range alerts {
			early := func(each alertPattern) bool { return each.matchesAlert(a.Labels["alertname"], a.Labels) }
			if a.State == "firing" && slices.ContainsFunc(wanted, early) {
				waitedFor[a.String()] = true
				err = errors.Join(err, fmt.Errorf("%v", a))
			}
		}
		return err
	})
	for a := range waitedFor {
		sys.note("%s: before its fault, %s; it ended by itself", t.Name(), a)
	}
}

// awaitFiring waits until each of these alerts fires and returns how long each took.
func (sys *stack) awaitFiring(t *testing.T, wanted []alertPattern) []string {
	since, took := time.Now(), map[alertPattern]string{}
	scenario.EventuallyWithin(t, alertTimeout, "the alerts fire", func(ctx context.Context) error {
		alerts, err := sys.alerts(ctx)
		if err != nil {
			return err
		}
		for _, each := range wanted {
			fires := func(a alert) bool { return a.State == "firing" && each.matchesAlert(a.Labels["alertname"], a.Labels) }
			if took[each] == "" && slices.ContainsFunc(alerts, fires) {
				took[each] = fmt.Sprintf("%s fires after %.0f s", each, time.Since(since).Seconds())
			}
			if took[each] == "" {
				err = errors.Join(err, fmt.Errorf("%s does not fire", each))
			}
		}
		return err
	})
	return slices.Sorted(maps.Values(took))
}

// alertTimeout limits the time for an alert to fire or to end: scrapes, its window and its shortened `for`, on a shared machine.
const alertTimeout = 3 * time.Minute

// rulesMount is where Prometheus finds the rules in its container.
const rulesMount = "/etc/prometheus/rules"
