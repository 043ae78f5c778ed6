package rest_test

import (
	"bytes"
	"encoding"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

var pageSecret = token.Secret(strings.Repeat("s", token.MinSecret))

// text is a position of any length.
type text []byte

func (t text) MarshalBinary() ([]byte, error)         { return t, nil }
func (t *text) UnmarshalBinary(raw []byte) error      { *t = bytes.Clone(raw); return nil }
func positionOf(item string) encoding.BinaryMarshaler { return text(item) }

func newCursors(t *testing.T, secret token.Secret) rest.Cursors {
	t.Helper()
	return rest.NewCursors(token.Keys{Current: secret})
}

// cursorAfter returns the cursor of a page of the list at path with filter whose only item is last.
func cursorAfter(t *testing.T, cursors rest.Cursors, path string, filter any, last string) string {
	t.Helper()
	page, err := cursors.Page(httptest.NewRequest("GET", path+"?limit=1", nil), filter, new(text))
	if err != nil {
		t.Fatal(err)
	}
	return rest.Paged(page, []string{last, "more"}, true, positionOf).NextCursor
}

func TestLimits(t *testing.T) {
	cursors := newCursors(t, pageSecret)
	for query, want := range map[string]int{"": 20, "limit=": 20, "limit=1": 1, "limit=100": 100, "limit=0": 0, "limit=101": 0, "limit=-1": 0,
		"limit=x": 0, "limit=1.5": 0, "limit=%2B5": 0, "limit=5%20": 0, "limit=%D9%A5": 0, "limit=99999999999999999999": 0} {
		page, err := cursors.Page(httptest.NewRequest("GET", "/?"+query, nil), nil, new(text))
		if page.Limit != want || (want == 0) != fault.Is(err, fault.KindMalformed) {
			t.Errorf("query %q: got limit %d, %v, want %d, with Malformed for 0", query, page.Limit, err, want)
		}
	}
}

func TestCursorsLeadThroughAllPages(t *testing.T) {
	cursors := newCursors(t, pageSecret)
	all, cursor, got := []string{"a", "b", "c", "d", "e"}, "", []string{}
	for i := range 3 {
		var after text
		page, err := cursors.Page(httptest.NewRequest("GET", "/?limit=2&cursor="+cursor, nil), nil, &after)
		if err != nil || page.Later != (i > 0) {
			t.Fatalf("page %d: got a later page: %t, %v", i, page.Later, err)
		}
		start := 0
		if page.Later {
			start = strings.Index("abcde", string(after)) + 1
		}
		list := rest.Paged(page, all[start:min(start+page.Limit, len(all))], start+page.Limit < len(all), positionOf)
		for _, item := range list.Items {
			got = append(got, strings.Trim(string(item), "\"\n"))
		}
		cursor = list.NextCursor
	}
	if strings.Join(got, "") != "abcde" || cursor != "" {
		t.Errorf("got items %v and last cursor %q, want %v and none", got, cursor, all)
	}
	if text, _ := json.Marshal(rest.Paged(rest.Page{Limit: 1}, []string(nil), false, positionOf)); string(text) != `{"items":[]}` {
		t.Errorf("got empty page %s, want {\"items\":[]}", text)
	}
}

// A page ends before it exceeds MaxPage, but has at least one item. Its cursor continues behind its last item.
func TestPagesAreBoundedInBytes(t *testing.T) {
	const third = rest.MaxPage/3 - 3 // three of them, with quotes and commas, and one byte fill a page
	for name, tc := range map[string]struct {
		limit int
		sizes []int // of the items, in bytes; negative: in characters that JSON escapes with six bytes
		more  bool  // there are further items, which were not read
		want  int   // items on the page
		next  bool  // there is a next page
	}{
		"all fit":                       {100, []int{third, third, third}, false, 3, false},
		"all fit, others were not read": {100, []int{third, third, third}, true, 3, true},
		"the last does not fit":         {100, []int{third, third, third + 2}, false, 2, true},
		"none fits":                     {100, []int{rest.MaxPage, 1}, false, 1, true},
		"the only one does not fit":     {100, []int{rest.MaxPage}, false, 1, false},
		"the limit":                     {2, []int{1, 1, 1}, true, 2, true},
		"escaped characters":            {100, []int{-rest.MaxPage / 6, 1}, false, 1, true},
	} {
		cursors := newCursors(t, pageSecret)
		page, err := cursors.Page(httptest.NewRequest("GET", "/?limit="+strconv.Itoa(tc.limit), nil), nil, new(text))
		if err != nil {
			t.Fatal(err)
		}
		var items []string
		for _, size := range tc.sizes {
			items = append(items, strings.Repeat("x", max(size, 0))+strings.Repeat("<", max(-size, 0)))
		}
		last := ""
		list := rest.Paged(page, items, tc.more, func(item string) encoding.BinaryMarshaler { last = item; return text("x") })
		if len(list.Items) != tc.want || (list.NextCursor != "") != tc.next || tc.next && last != items[tc.want-1] {
			t.Errorf("%s: got %d items, next page: %t, want %d, %t", name, len(list.Items), list.NextCursor != "", tc.want, tc.next)
		}
	}
}

func TestACursorOfTheLongestPositionIsTaken(t *testing.T) {
	cursors := newCursors(t, pageSecret)
	longest := strings.Repeat("\xff", rest.MaxPosition)
	cursor := cursorAfter(t, cursors, "/dishes", nil, longest)
	var after text
	_, err := cursors.Page(httptest.NewRequest("GET", "/dishes?cursor="+cursor, nil), nil, &after)
	if err != nil || string(after) != longest || len(cursor) > rest.MaxCursor {
		t.Errorf("got %d bytes from a cursor of %d characters, %v; want %d bytes", len(after), len(cursor), err, len(longest))
	}
}

func TestACursorContinuesOnlyItsOwnList(t *testing.T) {
	type filter struct{ Query, Category string }
	cursors, rotated := newCursors(t, pageSecret), token.Secret(strings.Repeat("t", token.MinSecret))
	cursor := cursorAfter(t, cursors, "/dishes", filter{"a", "b"}, "soup")
	for name, tc := range map[string]struct {
		cursors rest.Cursors
		path    string
		filter  filter
		ok      bool
	}{
		"the same list":            {cursors, "/dishes", filter{"a", "b"}, true},
		"another replica":          {newCursors(t, pageSecret), "/dishes", filter{"a", "b"}, true},
		"another list":             {cursors, "/orders", filter{"a", "b"}, false},
		"another search":           {cursors, "/dishes", filter{"b", "b"}, false},
		"no filter":                {cursors, "/dishes", filter{}, false},
		"the filters interchanged": {cursors, "/dishes", filter{"b", "a"}, false},
		"another secret":           {newCursors(t, rotated), "/dishes", filter{"a", "b"}, false},
		"a rotated secret":         {rest.NewCursors(token.Keys{Current: rotated, Previous: pageSecret}), "/dishes", filter{"a", "b"}, true},
	} {
		_, err := tc.cursors.Page(httptest.NewRequest("GET", tc.path+"?limit=5&cursor="+cursor, nil), tc.filter, new(text))
		if tc.ok != (err == nil) || err != nil && !fault.Is(err, fault.KindMalformed) {
			t.Errorf("%s: got %v, want accepted: %t", name, err, tc.ok)
		}
	}
}

func TestAChangedCursorIsRefused(t *testing.T) {
	cursors := newCursors(t, pageSecret)
	cursor := cursorAfter(t, cursors, "/dishes", nil, "soup1") // 21 bytes, with no bits left over; see below
	changed := []string{"x", "e30", "bnVsbA", cursor[1:], cursor[:len(cursor)-1], cursor + "A", cursor + "AAAA", cursor + "=", cursor + "\n",
		cursor[:4] + "\r\n" + cursor[4:], " " + cursor, strings.Repeat("A", rest.MaxCursor), strings.Repeat("A", 2000)}
	for i := range cursor {
		other := byte('A')
		if cursor[i] == other {
			other = 'B'
		}
		changed = append(changed, cursor[:i]+string(other)+cursor[i+1:])
	}
	// The last character of a cursor of 20 bytes carries unused bits, which must be zero.
	short := cursorAfter(t, cursors, "/dishes", nil, "soup")
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if other := short[:len(short)-1] + string(last); other != short {
			changed = append(changed, other)
		}
	}
	for _, text := range changed {
		r := httptest.NewRequest("GET", "/dishes?"+url.Values{"cursor": {text}}.Encode(), nil)
		if _, err := cursors.Page(r, nil, new(anyPosition)); !fault.Is(err, fault.KindMalformed) {
			t.Errorf("cursor %q: got %v, want Malformed", text, err)
		}
	}
}

// anyPosition accepts every position, so that only the seal decides.
type anyPosition struct{}

func (*anyPosition) UnmarshalBinary([]byte) error { return nil }

func TestTimePosition(t *testing.T) {
	for _, want := range []rest.TimePosition{
		{At: time.Date(2026, 1, 7, 12, 0, 0, 123456000, time.UTC), ID: "0c000000-0000-4000-8000-000000000001"},
		{At: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), ID: "ffffffff-ffff-4fff-bfff-ffffffffffff"},
		{At: time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC), ID: "00000000-0000-0000-0000-000000000000"},
	} {
		raw, err := want.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var got rest.TimePosition
		if err := got.UnmarshalBinary(raw); err != nil || got != want {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		if err := got.UnmarshalBinary(raw[1:]); err == nil {
			t.Error("a short position is accepted")
		}
	}
	if _, err := (rest.TimePosition{ID: "x"}).MarshalBinary(); err == nil {
		t.Error("a position without a UUID is encoded")
	}
}
