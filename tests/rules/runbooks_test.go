package rules

import (
	"go/ast"
	"go/token"
	"os"
	"regexp"
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
