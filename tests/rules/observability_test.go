package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/tests/system"
)

// rule is an alert or a recording rule of Prometheus.
type rule struct {
	Alert, Record, Expr string
	Labels, Annotations map[string]string
}

func rules(t testing.TB) []rule {
	t.Helper()
	var all []rule
	for _, file := range glob(t, "deploy/prometheus/rules/*.yml") {
		var read struct{ Groups []struct{ Rules []rule } }
		decode(t, file, yaml.Unmarshal, &read)
		for _, group := range read.Groups {
			all = append(all, group.Rules...)
		}
	}
	return all
}

// dashboard holds the parts of a Grafana dashboard that the rules check.
type dashboard struct {
	file, UID, Title, Description string
	Tags                          []string
	Panels                        []panel
	Templating                    struct{ List []struct{ Name string } }
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               struct{ UID string }
	Targets                  []struct{ RefID, Expr string }
}

func dashboards(t testing.TB) []dashboard {
	t.Helper()
	var all []dashboard
	for _, file := range glob(t, "deploy/grafana/dashboards/*.json") {
		d := dashboard{file: filepath.Base(file)}
		decode(t, file, json.Unmarshal, &d)
		all = append(all, d)
	}
	return all
}

func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), pattern))
	if err != nil || len(files) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return files
}

func decode(t testing.TB, file string, unmarshal func([]byte, any) error, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err == nil {
		err = unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// Every alert has a severity, a summary, a description, and links to its runbook and its dashboard. Every runbook has an
// alert.
func TestEveryAlertHasARunbook(t *testing.T) {
	index, err := os.ReadFile(filepath.Join(root(t), "docs/runbooks/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	dashboardUIDs, runbooks := map[string]bool{}, map[string]bool{"README.md": true}
	for _, d := range dashboards(t) {
		dashboardUIDs[d.UID] = true
	}
	for _, r := range rules(t) {
		if r.Alert == "" {
			continue
		}
		if !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) {
			t.Errorf("%s: severity: got %q, want critical or warning", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s: got the annotations %v, want a summary and a description", r.Alert, r.Annotations)
		}
		page := runbook(r.Alert)
		runbooks[page] = true
		if want := "{{ $externalLabels.repository }}docs/runbooks/" + page; r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url: got %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		text, err := os.ReadFile(filepath.Join(root(t), "docs/runbooks", page))
		if err != nil || !strings.HasPrefix(string(text), "# "+r.Alert+"\n") {
			t.Errorf("docs/runbooks/%s is missing or not about %s: %v", page, r.Alert, err)
		}
		if !strings.Contains(string(index), "["+r.Alert+"]("+page+")") {
			t.Errorf("docs/runbooks/README.md has no link to %s", page)
		}
		uid, _, _ := strings.Cut(strings.TrimPrefix(r.Annotations["dashboard"], "/d/"), "?")
		if !dashboardUIDs[uid] {
			t.Errorf("%s links to the dashboard %q, which does not exist", r.Alert, r.Annotations["dashboard"])
		}
	}
	for _, page := range glob(t, "docs/runbooks/*.md") {
		if !runbooks[filepath.Base(page)] {
			t.Errorf("%s: no alert has this runbook; delete the page", page)
		}
	}
}

// runbook returns the file name of an alert's runbook: service-down.md for ServiceDown.
func runbook(alert string) string {
	return strings.ToLower(regexp.MustCompile(`\B[A-Z]`).ReplaceAllString(alert, "-$0")) + ".md"
}

// Every dashboard has a uid of its own, panels that do not overlap, and queries for data sources and variables that exist.
func TestDashboardsAreValid(t *testing.T) {
	var sources struct{ Datasources []struct{ UID string } }
	for _, file := range glob(t, "deploy/grafana/provisioning/datasources/*.yml") {
		decode(t, file, yaml.Unmarshal, &sources)
	}
	uids := map[string]string{}
	for _, d := range dashboards(t) {
		if !strings.HasPrefix(d.UID, "comanda-") || uids[d.UID] != "" || d.Title == "" || d.Description == "" ||
			!slices.Contains(d.Tags, "comanda") {
			t.Errorf("%s: invalid uid %q (also of %q), title %q or tags %q", d.file, d.UID, uids[d.UID], d.Title, d.Tags)
		}
		uids[d.UID] = d.file
		ids, occupied := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			at := d.file + ": " + p.Title
			if ids[p.ID] || p.ID == 0 || p.Title == "" || p.Type != "row" && p.Description == "" {
				t.Errorf("%s: invalid id %d or description %q", at, p.ID, p.Description)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := occupied[[2]int{x, y}]; other != "" || x >= 24 {
						t.Fatalf("%s overlaps %q or exceeds the grid", at, other)
					}
					occupied[[2]int{x, y}] = p.Title
				}
			}
			known := slices.ContainsFunc(sources.Datasources, func(source struct{ UID string }) bool {
				return source.UID == p.Datasource.UID
			})
			if len(p.Targets) > 0 && !known {
				t.Errorf("%s uses the data source %q, which is not provisioned", at, p.Datasource.UID)
			}
			for _, target := range p.Targets {
				if target.Expr == "" || target.RefID == "" {
					t.Errorf("%s: query %q is empty", at, target.RefID)
				}
				for _, name := range variableReference.FindAllStringSubmatch(target.Expr, -1) {
					declared := slices.ContainsFunc(d.Templating.List, func(v struct{ Name string }) bool {
						return v.Name == name[1]
					})
					if !declared && !strings.HasPrefix(name[1], "__") {
						t.Errorf("%s: unknown variable $%s", at, name[1])
					}
				}
			}
		}
	}
}

var variableReference = regexp.MustCompile(`\$(\w+)`)

// Dashboards and alerts use only metrics that a program exports; a query for another metric would stay empty and look healthy. This test
// checks our own metrics. tests/compose checks the metrics of Dapr, Postgres and Prometheus.
func TestDashboardsAndAlertsUseExistingMetrics(t *testing.T) {
	exported := map[string]bool{}
	for _, file := range sources(t, "services", "dapr/daprd/rows") {
		if file.isTest() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root(t), file.path))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range metricsIn(string(text)) {
			exported[name] = true
		}
	}
	expressions := map[string]string{}
	for _, r := range rules(t) {
		expressions[r.Alert+r.Record] += r.Expr + "\n"
		exported[r.Record] = true
	}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				expressions[d.file+": "+p.Title] += target.Expr + "\n"
			}
		}
	}
	used := regexp.MustCompile(`\b(?:(?:comanda|kafka|dapr_outbox)_[a-z_]+|gateway:[a-z_:0-9]+)`)
	for place, expr := range expressions {
		for _, name := range used.FindAllString(expr, -1) {
			histogram := regexp.MustCompile(`_(bucket|sum|count)$`).ReplaceAllString(name, "")
			if !exported[name] && !exported[histogram] {
				t.Errorf("%s uses %s, which no program exports", place, name)
			}
		}
	}
}

var (
	metricName  = regexp.MustCompile(`"((?:comanda|kafka|outbox)_[a-z_]+)"`)
	backlogName = regexp.MustCompile(`\btelemetry\.RegisterBacklog\([^"]*"([a-z_]+)"`)
)

// metricsIn lists the metrics that a source file defines. telemetry.RegisterBacklog defines two metrics from one name.
func metricsIn(text string) []string {
	var all []string
	for _, found := range metricName.FindAllStringSubmatch(text, -1) {
		name := found[1]
		if strings.HasPrefix(name, "outbox_") {
			name = "dapr_" + name // the name under which the sidecar exports it
		}
		all = append(all, name)
	}
	for _, found := range backlogName.FindAllStringSubmatch(text, -1) {
		all = append(all, found[1]+"_oldest_seconds")
	}
	return all
}

func TestMetricsInFindsEveryMetricOfASource(t *testing.T) {
	text := `telemetry.RegisterBacklog(base.Metrics, "comanda_orders_pending", "Orders.", s.backlog)
		metrics.Counter("comanda_logins_total", "Logins."); newGauge("outbox_rows_dead", "Rows."); say("kafka")`
	want := []string{"comanda_orders_pending", "comanda_logins_total", "dapr_outbox_rows_dead",
		"comanda_orders_pending_oldest_seconds"}
	if got := metricsIn(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Prometheus scrapes every service, its sidecar and its database.
func TestPrometheusScrapesEveryServiceSidecarAndDatabase(t *testing.T) {
	var groups []struct {
		Labels  map[string]string
		Targets []string
	}
	decode(t, filepath.Join(root(t), "deploy/prometheus/targets/base.yml"), yaml.Unmarshal, &groups)
	found := map[string]bool{}
	for _, group := range groups {
		for _, target := range group.Targets {
			host, _, _ := strings.Cut(target, ":")
			found[group.Labels["job"]+" "+group.Labels["service"]+group.Labels["app_id"]+group.Labels["database"]+" "+host] = true
		}
	}
	for _, service := range system.Services {
		want := []string{"service " + service + " " + service, "sidecar " + service + " " + service + "-dapr"}
		if plainStores[service] != "" {
			want = append(want, "postgres "+service+" "+service+"-db-exporter")
		}
		for _, target := range want {
			if !found[target] {
				t.Errorf("deploy/prometheus/targets/base.yml lacks the target %q", target)
			}
		}
	}
}
