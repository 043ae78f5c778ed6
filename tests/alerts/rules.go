package alerts

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
)

// evaluator evaluates rules as Prometheus does: at every interval it runs their queries, records the results as series, and
// tracks how long each alert has been active.
type evaluator struct {
	engine *promql.Engine
	store  *seriesStore
	groups []*group
	fired  map[string]bool // the alerts that fired, by alertID
}

type group struct {
	rulefmt.RuleGroup
	rules []*rule
}

// rule is a rule with its state.
type rule struct {
	rulefmt.Rule
	since   map[uint64]int64         // when an alert became active, in milliseconds, by its labels' hash
	written map[uint64]labels.Labels // the series of the last evaluation, by their labels' hash
}

// newEvaluator parses the rules in files, for evaluation on the series of m.
func newEvaluator(m *seriesStore, files []string) (*evaluator, error) {
	e := &evaluator{store: m, fired: map[string]bool{}}
	e.engine = promql.NewEngine(promql.EngineOpts{MaxSamples: 50_000_000, Timeout: time.Minute})
	for _, file := range files {
		parsed, errs := rulefmt.ParseFile(file, false)
		if len(errs) > 0 {
			return nil, fmt.Errorf("%s: %v", file, errs)
		}
		for _, g := range parsed.Groups {
			one := &group{RuleGroup: g}
			for _, r := range g.Rules {
				one.rules = append(one.rules, &rule{Rule: r, since: map[uint64]int64{}, written: map[uint64]labels.Labels{}})
			}
			e.groups = append(e.groups, one)
		}
	}
	return e, nil
}

// query runs a query at a time in milliseconds. It returns a scalar as a vector of one sample without labels.
func (e *evaluator) query(ctx context.Context, expr string, at int64) (promql.Vector, error) {
	query, err := e.engine.NewInstantQuery(ctx, storage.Queryable(e.store), nil, expr, time.UnixMilli(at))
	if err != nil {
		return nil, err
	}
	defer query.Close()
	result := query.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	if scalar, ok := result.Value.(promql.Scalar); ok {
		return promql.Vector{{T: scalar.T, F: scalar.V}}, nil
	}
	return result.Vector()
}

// evaluate runs all groups that are due at this time.
func (e *evaluator) evaluate(ctx context.Context, at int64) error {
	for _, g := range e.groups {
		if interval := time.Duration(g.Interval).Milliseconds(); interval > 0 && at%interval != 0 {
			continue
		}
		for _, r := range g.rules {
			found, err := e.query(ctx, r.Expr, at)
			if err == nil {
				err = e.record(ctx, r, found, at)
			}
			if err != nil {
				return fmt.Errorf("%s%s: %w", r.Alert, r.Record, err)
			}
		}
	}
	return nil
}

// record records a rule's result as series and ends the series that the result no longer contains. An alert's series is pending
// until the alert has been active for the rule's time, and then firing.
func (e *evaluator) record(ctx context.Context, r *rule, found promql.Vector, at int64) error {
	written, since := map[uint64]labels.Labels{}, map[uint64]int64{}
	write := func(l labels.Labels, v float64) {
		written[l.Hash()] = l
		e.store.add(l, at, v)
	}
	for _, s := range found {
		builder := labels.NewBuilder(s.Metric).Set(labels.MetricName, r.Record)
		for name, value := range r.Labels {
			builder.Set(name, value)
		}
		if r.Record != "" {
			write(builder.Labels(), s.F)
			continue
		}
		alert := builder.Set(labels.MetricName, "ALERTS").Set(labels.AlertName, r.Alert).Labels()
		begun, held := r.since[alert.Hash()]
		if !held {
			begun = at
		}
		since[alert.Hash()] = begun
		state := "pending"
		if at-begun >= time.Duration(r.For).Milliseconds() {
			state = "firing"
			e.fired[alertID(r.Rule)] = true
			if err := expand(ctx, r.Rule, alert, s); err != nil {
				return err
			}
		}
		write(labels.NewBuilder(alert).Set("alertstate", state).Labels(), 1)
	}
	for hash, l := range r.written {
		if _, still := written[hash]; !still {
			e.store.add(l, at, stale)
		}
	}
	r.written, r.since = written, since
	return nil
}

// expand expands the annotations, because some template errors appear only then.
func expand(ctx context.Context, r rulefmt.Rule, alert labels.Labels, s promql.Sample) error {
	data := template.AlertTemplateData(alert.Map(), map[string]string{"repository": ""}, "", s)
	const names = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$value := .Value}}"
	for name, text := range r.Annotations {
		_, err := template.NewTemplateExpander(ctx, names+text, name, data, model.Time(s.T), nil, nil, nil).Expand()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// alertID identifies an alert by its name and the labels that the rule sets.
func alertID(r rulefmt.Rule) string { return r.Alert + labels.FromMap(r.Labels).String() }
