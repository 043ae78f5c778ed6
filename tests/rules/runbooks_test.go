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

// logSearch finds the log texts that a runbook searches for in LogQL (|= "text"), and product's two messages.
var logSearch = regexp.MustCompile(`\|= "([^"]+)"|"(stock [a-z]+)"`)

// logMethods matches the methods that write a log line. It also matches NewLogger, whose scope is part of each line.
var logMethods = regexp.MustCompile(`^(Debug|Info|Warn|Error|Log)(f|Context|Attrs)?$|^NewLogger$`)

// loggedTexts returns the string literals that a call writes to a log.
func loggedTexts(call *ast.CallExpr) (texts []string) {
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !logMethods.MatchString(method.Sel.Name) {
		return nil
	}
	for _, argument := range call.Args {
		if literal, ok := argument.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			texts = append(texts, literal.Value)
		}
	}
	return texts
}

// Every text that a runbook searches the logs for is written by one of our programs.
func TestRunbooksSearchForTextsThatAreLogged(t *testing.T) {
	var written []string
	for _, file := range sources(t, "services", "dapr", "infra") {
		if file.isTest() {
			continue
		}
		ast.Inspect(file.file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				written = append(written, loggedTexts(call)...)
			}
			return true
		})
	}
	logTexts, searches := strings.Join(written, "\n"), 0
	for _, page := range glob(t, "docs/runbooks/*.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range logSearch.FindAllStringSubmatch(string(text), -1) {
			searches++
			if want := found[1] + found[2]; !strings.Contains(logTexts, want) {
				t.Errorf("%s searches the logs for %q, which no program writes", page, want)
			}
		}
	}
	if searches < 4 {
		t.Errorf("searches in the runbooks: got %d, want at least 4; does logSearch still match them?", searches)
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

// queryName matches the name that the compose tests give a query: dashboard / panel / number.
var queryName = regexp.MustCompile(`"(dapr|kafka|postgres|saga|services) / ([^"]+) / \d`)

// The compose tests take 20 minutes, so a renamed panel that they name is found here.
func TestComposeTestsNamePanelsThatExist(t *testing.T) {
	shown := map[string][]string{}
	for _, d := range dashboards(t) {
		for _, p := range d.Panels {
			name := strings.TrimSuffix(d.file, ".json")
			shown[name] = append(shown[name], p.Title)
		}
	}
	count := 0
	for _, file := range glob(t, "tests/compose/*_test.go") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range queryName.FindAllStringSubmatch(string(text), -1) {
			if count++; !slices.Contains(shown[found[1]], found[2]) {
				t.Errorf("%s names the panel %q, which is not on the dashboard %s", file, found[2], found[1])
			}
		}
	}
	if count < 5 {
		t.Errorf("found %d panels, want at least 5: is the pattern still right?", count)
	}
}
