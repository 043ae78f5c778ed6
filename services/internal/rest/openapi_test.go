package rest_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"comanda/docs"
	"comanda/services/internal/rest"
)

// The list of problem types is closed: docs/openapi.yaml and docs/problems.md list exactly the types of the code, with their statuses.
func TestTheDocumentsHaveEveryProblemType(t *testing.T) {
	var want []string
	for _, kind := range rest.ProblemTypes() {
		want = append(want, fmt.Sprintf("%s %d", kind.Type, kind.Status))
	}
	slices.Sort(want)
	for name, got := range map[string][]string{"docs/openapi.yaml": problemResponses(t), "docs/problems.md": problemRows(t)} {
		slices.Sort(got)
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("problem types of the code (-) and of %s (+):\n%s", name, difference)
		}
	}
}

// problemResponses returns the type and status of every problem response in docs/openapi.yaml. It fails the test if their types differ
// from the types in the schema ProblemUri.
func problemResponses(t *testing.T) (found []string) {
	t.Helper()
	var document struct {
		Components struct {
			Schemas   map[string]struct{ Enum []string }
			Responses map[string]struct {
				Content map[string]struct {
					Schema struct {
						AllOf []struct {
							Properties map[string]struct{ Const any }
						} `yaml:"allOf"`
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal(docs.OpenAPI, &document); err != nil {
		t.Fatal(err)
	}
	var types []string
	for name, response := range document.Components.Responses {
		content, ok := response.Content["application/problem+json"]
		if !ok {
			continue
		}
		properties := content.Schema.AllOf[len(content.Schema.AllOf)-1].Properties
		found = append(found, fmt.Sprintf("%v %v", properties["type"].Const, properties["status"].Const))
		if types = append(types, fmt.Sprint(properties["type"].Const)); len(content.Schema.AllOf) != 2 {
			t.Errorf("docs/openapi.yaml: the response %s is not a Problem with a type", name)
		}
	}
	slices.Sort(types)
	listed := slices.Sorted(slices.Values(document.Components.Schemas["ProblemUri"].Enum))
	if difference := cmp.Diff(types, listed); difference != "" {
		t.Errorf("docs/openapi.yaml: types of the responses (-) and of ProblemUri (+):\n%s", difference)
	}
	return found
}

// problemRows returns the type and status of every row of the table in docs/problems.md.
func problemRows(t *testing.T) (found []string) {
	t.Helper()
	text, err := os.ReadFile("../../../docs/problems.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if row, ok := strings.CutPrefix(line, "| `/problems/"); ok {
			name, rest, _ := strings.Cut(row, "` | ")
			status, _, _ := strings.Cut(rest, " ")
			found = append(found, "/problems/"+name+" "+status)
		}
	}
	return found
}
