package rules

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
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
