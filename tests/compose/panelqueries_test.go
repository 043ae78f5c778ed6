//go:build compose

package compose

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dashboard holds the parts of a dashboard that the test reads
// (https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/).
type dashboard struct {
	file       string
	UID        string
	Title      string
	Panels     []panel
	Templating struct{ List []variable }
}

type panel struct {
	Title      string
	Type       string
	Datasource datasource
	Targets    []target
	Panels     []panel // the panels inside a row
}

type target struct {
	Expr       string
	RefID      string
	Instant    bool
	Datasource datasource
}

type variable struct {
	Name       string
	Type       string
	Query      any // text, or an object with the text in it
	Multi      bool
	IncludeAll bool
	AllValue   string
	Regex      string
}

// datasource is an object in the JSON of a dashboard; in older dashboards it is only a name.
type datasource struct{ Type, UID string }

func (d *datasource) UnmarshalJSON(text []byte) error {
	var name string
	if json.Unmarshal(text, &name) == nil {
		d.UID = name
		return nil
	}
	type plain datasource
	return json.Unmarshal(text, (*plain)(d))
}

// dashboards reads every dashboard that Grafana is provisioned with.
func (sys *stack) dashboards(t testing.TB) []dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(sys.root, "deploy/grafana/dashboards/*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("dashboards: got none (error %v), want some", err)
	}
	var all []dashboard
	for _, file := range files {
		text, err := os.ReadFile(file)
		d := dashboard{file: filepath.Base(file)}
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, d)
	}
	return all
}

// panelQuery is one query of one panel. Its variables are replaced by values, as in Grafana.
type panelQuery struct {
	where   string // dashboard / panel / number of the query
	kind    string // the data source: prometheus or loki
	expr    string
	instant bool // an instant query, not a range query
}

// needs returns the services that must run for the query to return data.
func (q panelQuery) needs() []string {
	if q.kind == "loki" {
		return []string{"loki", "promtail"}
	}
	return nil
}

// queries returns all queries of a dashboard. For a single-value variable it returns each query once for each value.
func (d dashboard) queries(values map[string][]string) ([]panelQuery, error) {
	var all []panelQuery
	for _, choice := range d.choices(values) {
		for _, p := range d.allPanels() {
			for i, target := range p.Targets {
				if target.Expr == "" {
					return nil, fmt.Errorf("%s / %s: query %d has no expression", d.file, p.Title, i+1)
				}
				kind := target.Datasource.Type
				if kind == "" {
					kind = p.Datasource.Type
				}
				where := fmt.Sprintf("%s / %s / %d", strings.TrimSuffix(d.file, ".json"), p.Title, i+1)
				if len(choice.name) > 0 {
					where += " (" + choice.name + ")"
				}
				all = append(all, panelQuery{where, kind, choice.replaceVariables(target.Expr), target.Instant})
			}
		}
	}
	return all, nil
}

// allPanels returns the panels, including those inside rows. Rows and text panels have no query.
func (d dashboard) allPanels() []panel {
	var all []panel
	for _, p := range d.Panels {
		all = append(append(all, p), p.Panels...)
	}
	return all
}

// choice is one selection of values for the dashboard's variables.
type choice struct {
	name  string
	value map[string]string
}

// choices returns every selection of single values. A variable that allows several values has all of them in each selection.
func (d dashboard) choices(values map[string][]string) []choice {
	all := []choice{{value: map[string]string{}}}
	for _, v := range d.Templating.List {
		options := values[v.Name]
		if v.Multi || v.IncludeAll {
			allValues := "(" + strings.Join(options, "|") + ")"
			if v.AllValue != "" {
				allValues = v.AllValue
			}
			options = []string{allValues}
		}
		var more []choice
		for _, c := range all {
			for _, option := range options {
				chosen := choice{c.name, map[string]string{v.Name: option}}
				for name, value := range c.value {
					chosen.value[name] = value
				}
				if len(options) > 1 {
					chosen.name = strings.TrimSpace(c.name + " " + v.Name + "=" + option)
				}
				more = append(more, chosen)
			}
		}
		all = more
	}
	return all
}

// graphRange is the time range of the graphs. scrapeInterval is the timeInterval of the data source.
const (
	graphRange     = 15 * time.Minute
	scrapeInterval = 5 * time.Second
)

// grafanaVariables holds the values of Grafana's own variables for a graph of that range with one point for each scrape
// (https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/#use-__rate_interval).
var grafanaVariables = map[string]string{
	"__rate_interval": "20s", "__interval": "5s", "__interval_ms": "5000", "__auto": "5s",
	"__range": "15m", "__range_s": "900", "__range_ms": "900000",
}

var variableReference = regexp.MustCompile(`\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]`)

// replaceVariables replaces the variables of an expression by their values. It keeps an unknown variable, so the query fails.
func (c choice) replaceVariables(expr string) string {
	return variableReference.ReplaceAllStringFunc(expr, func(found string) string {
		parts := variableReference.FindStringSubmatch(found)
		name := parts[1] + parts[2] + parts[3]
		if value, known := c.value[name]; known {
			return value
		}
		if value, known := grafanaVariables[name]; known {
			return value
		}
		return found
	})
}

var labelValuesQuery = regexp.MustCompile(`^label_values\((?:(.*),)?\s*(\w+)\s*\)$`)

// values returns the values of each variable. A variable without values fails the test, because it leaves the dashboard empty.
func (sys *stack) values(t testing.TB, d dashboard) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, v := range d.Templating.List {
		switch v.Type {
		case "datasource":
			found[v.Name] = []string{fmt.Sprint(v.Query)}
		case "custom", "constant", "interval", "textbox":
			for option := range strings.SplitSeq(fmt.Sprint(v.Query), ",") {
				found[v.Name] = append(found[v.Name], strings.TrimSpace(option))
			}
		case "query":
			found[v.Name] = sys.labelOptions(t, d, v)
		default:
			t.Errorf("%s: this test does not support a variable of the type %s", d.file, v.Type)
		}
		if len(found[v.Name]) == 0 {
			t.Errorf("%s: $%s has no values", d.file, v.Name)
		}
	}
	return found
}

// labelOptions returns the values that a variable's query, label_values(...), offers.
func (sys *stack) labelOptions(t testing.TB, d dashboard, v variable) []string {
	t.Helper()
	text, _ := v.Query.(string)
	if object, ok := v.Query.(map[string]any); ok {
		text, _ = object["query"].(string)
	}
	parts := labelValuesQuery.FindStringSubmatch(strings.TrimSpace(text))
	if parts == nil {
		t.Errorf("%s: $%s: this test does not support the query %v", d.file, v.Name, v.Query)
		return nil
	}
	if parts[1] == "" {
		parts[1] = `{__name__=~".+"}`
	}
	series, err := sys.query(t.Context(), fmt.Sprintf(`group by (%s) (%s)`, parts[2], parts[1]))
	if err != nil {
		t.Errorf("%s: $%s: %v", d.file, v.Name, err)
	}
	var options []string
	for _, one := range series {
		if value := one.Labels[parts[2]]; value != "" && !sys.isLeftOut(one.Labels) {
			options = append(options, value)
		}
	}
	slices.Sort(options)
	return options
}
