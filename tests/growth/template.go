package growth

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// row is a row that the services have written: its table, and the row as JSON.
type row struct{ table, text string }

// template is a row with a placeholder for each part that differs from one aggregate to another.
type template struct {
	table  string
	format string   // for Postgres' function format
	values []string // the SQL expressions of the placeholders; they may use the columns of the numbered rows s
}

const (
	timePattern = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`
	// idPattern matches UUIDs, and the hashes and trace ids of 32, 16 and 8 bytes.
	idPattern = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16}`
)

var times = regexp.MustCompile(timePattern)

// earliest returns the earliest time in any of the rows.
func earliest(rows []row) (first time.Time, err error) {
	for _, r := range rows {
		for _, text := range times.FindAllString(r.text, -1) {
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return first, err
			}
			if first.IsZero() || at.Before(first) {
				first = at
			}
		}
	}
	return first, nil
}

// newTemplate makes a template of a row. known maps literal texts of the row, such as the name of a dish, to SQL expressions. A time keeps
// its distance to begun, which becomes s.at. Every other id becomes one that follows from it and from s.n, so it stays the same in all
// rows of an aggregate.
func newTemplate(r row, known map[string]string, begun time.Time) (t template, err error) {
	literals := slices.SortedFunc(maps.Keys(known), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var patterns []string
	for _, literal := range literals {
		patterns = append(patterns, regexp.QuoteMeta(literal))
	}
	variable := regexp.MustCompile(strings.Join(append(patterns, timePattern, idPattern), "|"))
	t.table = r.table
	placeholders := map[string]string{}
	t.format = variable.ReplaceAllStringFunc(strings.ReplaceAll(r.text, "%", "%%"), func(text string) string {
		if placeholders[text] == "" {
			value, isKnown := known[text]
			if !isKnown {
				var wrong error
				value, wrong = derive(text, begun)
				err = cmp.Or(err, wrong)
			}
			t.values = append(t.values, value)
			placeholders[text] = fmt.Sprintf("%%%d$s", len(t.values))
		}
		return placeholders[text]
	})
	return t, err
}

// derive returns the SQL expression for a time or an id of another aggregate.
func derive(text string, begun time.Time) (string, error) {
	if times.MatchString(text) {
		at, err := time.Parse(time.RFC3339Nano, text)
		return fmt.Sprintf(`to_char(s.at + interval '%d microseconds', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`, at.Sub(begun).Microseconds()), err
	}
	hash := fmt.Sprintf("md5('%s' || s.n)", text)
	switch len(text) {
	case 36:
		return hash + "::uuid::text", nil
	case 64:
		return hash + " || md5(s.n || '" + text + "')", nil
	case 16:
		return "left(" + hash + ", 16)", nil
	}
	return hash, nil
}

// statement returns the SQL that inserts a row for each of the numbered rows s of source. Its argument $1 is the template's format.
func (t template) statement(columns []string, source string) string {
	made := fmt.Sprintf("format($1::text, variadic array[%s]::text[])::jsonb", strings.Join(t.values, ", "))
	if t.table == stateTable { // value is a document as bytea; "offset 0" keeps Postgres from making the row twice
		selected := strings.Replace("r."+strings.Join(columns, ", r."), "r.value", "convert_to(made.row ->> 'value', 'UTF8')", 1)
		return fmt.Sprintf(`insert into state (%s) select %s from (select %s as row from (%s) s offset 0) made
			cross join lateral jsonb_populate_record(null::state, made.row - 'value') r`, strings.Join(columns, ", "), selected, made, source)
	}
	return fmt.Sprintf(`insert into %[1]s (%[2]s) select r.%[3]s from (%[4]s) s
			cross join lateral jsonb_populate_record(null::%[1]s, %[5]s) r`,
		t.table, strings.Join(columns, ", "), strings.Join(columns, ", r."), source, made)
}
