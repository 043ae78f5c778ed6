package await_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"comanda/services/internal/await"
)

// A preference is never an error (RFC 7240, 2): it is applied, reduced or ignored.
func TestWait(t *testing.T) {
	for _, tc := range []struct {
		headers []string
		seconds int
	}{
		{nil, 0},
		{[]string{"wait=10"}, 10},
		{[]string{"WAIT = 10"}, 10}, // names are case-insensitive
		{[]string{`wait="3"`}, 3},
		{[]string{`wait="\3"`}, 3},
		{[]string{"wait=007"}, 7},
		{[]string{"respond-async, wait=30"}, 30},
		{[]string{"respond-async; x=y ,\twait=4 ; foo"}, 4},
		{[]string{"return=minimal", "wait=1"}, 1},
		{[]string{",, ,wait=2,"}, 2},
		{[]string{"wait=0"}, 0},

		// reduced
		{[]string{"wait=31"}, 30},
		{[]string{"wait=60"}, 30},
		{[]string{"respond-async, wait=45"}, 30},
		{[]string{"wait=99999999999999999999"}, 30},

		// the first one counts
		{[]string{"wait=5, wait=9"}, 5},
		{[]string{"wait=6", "Wait=9"}, 6},
		{[]string{"wait=soon, wait=9"}, 0},

		// not a whole number
		{[]string{"wait=1.5"}, 0},
		{[]string{"wait=soon"}, 0},
		{[]string{"wait=-1"}, 0},
		{[]string{"wait=+1"}, 0},
		{[]string{"wait=1e1"}, 0},
		{[]string{"wait=1 0"}, 0},
		{[]string{"wait="}, 0},
		{[]string{`wait=""`}, 0},
		{[]string{"wait"}, 0},
		{[]string{"wait=٣"}, 0},

		// no preference called wait
		{[]string{""}, 0},
		{[]string{"nowait=7"}, 0},
		{[]string{"return=minimal"}, 0},
		{[]string{"handling=lenient; wait=1"}, 0}, // a parameter of another preference
		{[]string{`foo="a, wait=5"`}, 0},          // in a quoted string
		{[]string{`foo="a\", wait=5"`}, 0},
		{[]string{`foo="a", wait=5`}, 5},
		{[]string{`foo="unterminated, wait=5`}, 0},
		{[]string{`"wait=5"`}, 0},
		{[]string{`foo="\`}, 0},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, value := range tc.headers {
			r.Header.Add("Prefer", value)
		}
		if got, want := await.Wait(r), time.Duration(tc.seconds)*time.Second; got != want {
			t.Errorf("Prefer %q: got %s, want %s", tc.headers, got, want)
		}
	}
}

func TestAppliedNamesTheWaitThatIsUsed(t *testing.T) {
	for seconds, want := range map[int]string{0: "", 1: "wait=1", 30: "wait=30"} {
		w := httptest.NewRecorder()
		await.Applied(w, time.Duration(seconds)*time.Second)
		if got := w.Header().Get("Preference-Applied"); got != want {
			t.Errorf("%d s: got Preference-Applied %q, want %q", seconds, got, want)
		}
	}
}
