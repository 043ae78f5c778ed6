package rules

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// searched finds the log texts that a runbook searches for in LogQL (|= "text"), and product's two messages.
var searched = regexp.MustCompile(`\|= "([^"]+)"|"(stock [a-z]+)"`)

// loggers are the methods by which our programs log. NewLogger names the scope that is part of each line.
var loggers = regexp.MustCompile(`^(Debug|Info|Warn|Error|Log)(f|Context|Attrs)?$|^NewLogger$`)

// loggedBy returns the string literals that a call writes to a log.
func loggedBy(call *ast.CallExpr) (texts []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !loggers.MatchString(method.Sel.Name) {
		return nil
	}
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			texts = append(texts, literal.Value)
		}
	}
	return texts
}

// An operator who follows a runbook finds the line that it searches for: some program of ours writes that text.
func TestRunbooksSearchForTextsThatAreLogged(t *testing.T) {
	var written []string
	for _, file := range sources(t, "services", "dapr", "infra") {
		if file.test() {
			continue
		}
		ast.Inspect(file.file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				written = append(written, loggedBy(call)...)
			}
			return true
		})
	}
	all, count := strings.Join(written, "\n"), 0
	for _, page := range glob(t, "docs/runbooks/*.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range searched.FindAllStringSubmatch(string(text), -1) {
			count++
			if want := found[1] + found[2]; !strings.Contains(all, want) {
				t.Errorf("%s searches the logs for %q, which no program writes", page, want)
			}
		}
	}
	if count < 4 {
		t.Errorf("found %d searches in the runbooks, want at least 4: is the pattern still right?", count)
	}
}

// The patterns of a reference such as `Dashboard **Kafka**, row "Groups": "Members"`: the dashboards and the titles.
var (
	dashboardName = regexp.MustCompile(`\*\*(Dapr|Kafka|Postgres|Saga|Services)\*\*`)
	quoted        = regexp.MustCompile(`[^~]"([^"]+)"`) // not the pattern of a PromQL matcher
)

// The panels and rows that a runbook names are on the dashboard that it names.
func TestRunbooksNamePanelsThatExist(t *testing.T) {
	shown := map[string][]string{}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			shown[d.Title] = append(shown[d.Title], p.Title)
		}
	}
	count := 0
	for _, page := range glob(t, "docs/runbooks/*.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if !strings.Contains(line, "Dashboard **") {
				continue
			}
			var titles []string
			for _, name := range dashboardName.FindAllStringSubmatch(line, -1) {
				titles = append(titles, shown[name[1]]...)
			}
			for _, found := range quoted.FindAllStringSubmatch(line, -1) {
				if count++; !slices.Contains(titles, found[1]) {
					t.Errorf("%s names the panel %q, which is on no dashboard of that line", page, found[1])
				}
			}
		}
	}
	if count < 20 {
		t.Errorf("found %d panels in the runbooks, want at least 20: is the pattern still right?", count)
	}
}
