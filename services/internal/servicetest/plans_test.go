package servicetest

import (
	"strings"
	"testing"
)

// A plan that reads too much is refused, also below a node that reads little itself.
func TestPlansOutOfBoundsAreRefused(t *testing.T) {
	bounds := Bounds{Tables: []string{"state"}, Blocks: 500, Removed: 100, Rows: 1000}
	for name, tc := range map[string]struct {
		plan Plan
		want string // "" means within bounds
	}{
		"a page through an index":  {Plan{Node: "Index Scan", Table: "state", Rows: 100, Loops: 1, Hit: 300}, ""},
		"a scan of a small table":  {Plan{Node: "Seq Scan", Table: "leases", Rows: 2}, ""},
		"a scan":                   {Plan{Node: "Seq Scan", Table: "state"}, "scans state"},
		"a whole index":            {Plan{Node: "Index Only Scan", Table: "state", Rows: 20_000, Hit: 100}, "reads 20000 rows"},
		"many loops":               {Plan{Node: "Index Scan", Table: "state", Rows: 2, Loops: 600}, "reads 1200 rows"},
		"a filter":                 {Plan{Node: "Index Scan", Table: "state", Rows: 1, Removed: 60, Rechecks: 60}, "removes 120 rows"},
		"many blocks":              {Plan{Node: "Index Scan", Table: "state", Hit: 300, Read: 300}, "reads 600 blocks"},
		"a scan below a small one": {Plan{Node: "Limit", Rows: 1, Plans: []Plan{{Node: "Seq Scan", Table: "state"}}}, "scans state"},
	} {
		got := strings.Join(tc.plan.check(bounds), "; ")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %q, want %q", name, got, tc.want)
		}
	}
}
