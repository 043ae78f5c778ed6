package build

import (
	"strings"
	"testing"
	"time"
)

func TestPackageCounterCountsPackagesAndPassesOtherLinesOn(t *testing.T) {
	var out strings.Builder
	c := newPackageCounter("services", &out)
	if _, err := c.Write([]byte("fmt\nnet/ht")); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("got %q before the first report is due, want nothing", out.String())
	}
	c.lastReport = c.lastReport.Add(-reportEvery)
	c.started = time.Now().Add(-reportEvery)
	if _, err := c.Write([]byte("tp\n# comanda/services/order\nservices/order/order.go:3:1: syntax error\n")); err != nil {
		t.Fatal(err)
	}
	want := "services: 2 packages (5s)\n# comanda/services/order\nservices/order/order.go:3:1: syntax error\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLastLineSkipsTheExitStatus(t *testing.T) {
	for output, want := range map[string]string{
		"": "", "one\n": ": one", "one\ntwo\nexit status 1\n\n": ": two", "exit status 1": ": exit status 1",
	} {
		if got := lastLine(output); got != want {
			t.Errorf("%q: got %q, want %q", output, got, want)
		}
	}
}
