package contracts

import (
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/oasdiff/oasdiff/checker"
	"github.com/oasdiff/oasdiff/diff"
	"github.com/oasdiff/oasdiff/load"
)

// breaking are changes that the package takes for harmless by default. A client of ours may rely on what they take away.
var breaking = map[string]checker.Level{
	"response-optional-property-removed":  checker.WARN,
	"response-non-success-status-removed": checker.WARN,
	"optional-response-header-removed":    checker.WARN,
}

// Breaks returns the changes from older to newer, two documents in YAML, that break a client which was written for older.
//
// A client may send everything that older allows, and rely on every member, header and status that older has. So a warning counts as
// well: it is what a client may survive, such as an optional member that is gone, or a new value of an enum.
func Breaks(older, newer []byte) ([]string, error) {
	before, err := parse("released", older)
	if err != nil {
		return nil, err
	}
	after, err := parse("current", newer)
	if err != nil {
		return nil, err
	}
	difference, sources, err := diff.GetWithOperationsSourcesMap(diff.NewConfig(), before, after)
	if err != nil {
		return nil, err
	}
	var breaks []string
	config := checker.NewConfig(checker.GetAllChecks(), checker.WithSeverityLevels(breaking))
	for _, change := range checker.CheckBackwardCompatibilityUntilLevel(config, difference, sources, checker.WARN) {
		breaks = append(breaks, change.SingleLineError(checker.NewDefaultLocalizer(), checker.ColorNever))
	}
	return breaks, nil
}

func parse(name string, text []byte) (*load.SpecInfo, error) {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, err
	}
	return &load.SpecInfo{Url: name, Spec: document}, nil
}
