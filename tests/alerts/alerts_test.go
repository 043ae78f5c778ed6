package alerts

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// prometheusFolder contains the rules and their tests.
const prometheusFolder = "../../deploy/prometheus"

// testFile is one test file in promtool's format.
type testFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []testCase
}

// testCase is one test of a file: its input series, and the query results that it expects.
type testCase struct {
	Name         string
	Interval     model.Duration
	InputSeries  []struct{ Series, Values string } `yaml:"input_series"`
	Expectations []expectation                     `yaml:"promql_expr_test"`
}

// expectation is a query with its expected result at one time.
type expectation struct {
	Expr       string
	EvalTime   model.Duration `yaml:"eval_time"`
	ExpSamples []struct {
		Labels string
		Value  float64
	} `yaml:"exp_samples"`
}

// The rules pass their tests, and each alert fires in at least one of them.
func TestAlerts(t *testing.T) {
	fired := map[string]bool{}
	for _, path := range glob(t, "tests/*.yml") {
		f := readTestFile(t, path)
		for _, s := range f.Tests {
			t.Run(filepath.Base(path)+"/"+s.Name, func(t *testing.T) { maps.Copy(fired, f.run(t, s)) })
		}
	}
	all, err := newEvaluator(&seriesStore{}, glob(t, "rules/*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all.groups {
		for _, r := range g.rules {
			if r.Alert != "" && !fired[alertID(r.Rule)] {
				t.Errorf("%s fires in no test", alertID(r.Rule))
			}
		}
	}
}

// run evaluates the rules from time 0 to the last expectation of a test, checks the expectations, and returns the alerts that fired.
func (f testFile) run(t *testing.T, s testCase) map[string]bool {
	rules, err := newEvaluator(s.store(t), f.RuleFiles)
	if err != nil {
		t.Fatal(err)
	}
	last := slices.MaxFunc(s.Expectations, func(a, b expectation) int { return int(a.EvalTime - b.EvalTime) }).EvalTime
	for at := time.Duration(0); at <= time.Duration(last); at += time.Duration(f.EvaluationInterval) {
		if err := rules.evaluate(t.Context(), at.Milliseconds()); err != nil {
			t.Fatal(err)
		}
		for _, q := range s.Expectations {
			if time.Duration(q.EvalTime) == at {
				q.check(t, rules)
			}
		}
	}
	return rules.fired
}

// store returns a store with the test's input series.
func (s testCase) store(t *testing.T) *seriesStore {
	t.Helper()
	m := &seriesStore{}
	for _, input := range s.InputSeries {
		l, values, err := parser.ParseSeriesDesc(input.Series + " " + input.Values)
		if err != nil {
			t.Fatalf("%s: %v", input.Series, err)
		}
		m.load(l, values, time.Duration(s.Interval).Milliseconds())
	}
	return m
}

// check runs the query at its time and compares the result with the expected one.
func (q expectation) check(t *testing.T, rules *evaluator) {
	t.Helper()
	found, err := rules.query(t.Context(), q.Expr, time.Duration(q.EvalTime).Milliseconds())
	if err != nil {
		t.Fatalf("%s: %v", q.Expr, err)
	}
	var got, want []string
	for _, s := range found {
		got = append(got, fmt.Sprint(s.Metric, " ", s.F))
	}
	for _, s := range q.ExpSamples {
		l, err := parser.ParseMetric(s.Labels)
		if err != nil {
			t.Fatalf("%s: %v", s.Labels, err)
		}
		want = append(want, fmt.Sprint(l, " ", s.Value))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("after %s, %s: got\n\t%q, want\n\t%q", q.EvalTime, q.Expr, got, want)
	}
}

func readTestFile(t *testing.T, path string) testFile {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var f testFile
	if err := yaml.Unmarshal(text, &f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for i := range f.RuleFiles {
		f.RuleFiles[i] = filepath.Join(filepath.Dir(path), f.RuleFiles[i])
	}
	return f
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(prometheusFolder, pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}
