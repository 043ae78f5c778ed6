package build

import (
	"strings"
	"testing"
	"time"
)

func TestCounterCountsPackagesAndHandsOnTheRest(t *testing.T) {
	var out strings.Builder
	c := count("services", &out)
	if _, err := c.Write([]byte("fmt\nnet/ht")); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 0 {
		t.Errorf("too soon: %q", out.String())
	}
	c.last = c.last.Add(-reportEvery)
	c.started = time.Now().Add(-reportEvery)
	if _, err := c.Write([]byte("tp\n# comanda/services/order\nservices/order/order.go:3:1: syntax error\n")); err != nil {
		t.Fatal(err)
	}
	want := "services: 2 packages (5s)\n# comanda/services/order\nservices/order/order.go:3:1: syntax error\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestLastLineLooksPastTheExitStatus(t *testing.T) {
	for said, want := range map[string]string{
		"": "", "one\n": ": one", "one\ntwo\nexit status 1\n\n": ": two", "exit status 1": ": exit status 1",
	} {
		if got := lastLine(said); got != want {
			t.Errorf("%q: %q, want %q", said, got, want)
		}
	}
}
