package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/server"
)

// kitchen answers as product does, and counts.
type fakeProduct struct {
	answer string
	err    error
	hangs  bool
	calls  []string
}

func (k *fakeProduct) InvokeMethod(ctx context.Context, app, method, verb string) ([]byte, error) {
	k.calls = append(k.calls, app+" "+verb+" "+method)
	if k.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(k.answer), k.err
}

const onlySoupActive = `{"items":[{"id":"` + soup + `","name":"Soup","active":true},{"id":"` + bread + `","name":"Bread","active":false}]}`

func TestMenuRemembersWhatIsThere(t *testing.T) {
	now := noon
	k := &fakeProduct{answer: onlySoupActive}
	m := newMenu(k, func() time.Time { return now })
	missing := func() string {
		t.Helper()
		unknown, err := m.Missing(t.Context(), []string{soup, bread, customerID})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(unknown[soup], unknown[bread], unknown[customerID])
	}
	if got := missing(); got != "false true true" {
		t.Errorf("got %s", got)
	}
	if want := "product GET menu?id=" + soup + "&id=" + bread + "&id=" + customerID; k.calls[0] != want {
		t.Errorf("asked %q, want %q", k.calls[0], want)
	}
	if missing(); k.calls[1] != "product GET menu?id="+bread+"&id="+customerID {
		t.Errorf("what is there is remembered, what is not is asked for: asked %q", k.calls[1])
	}
	now = now.Add(menuCacheTime)
	if missing(); !strings.Contains(k.calls[2], soup) {
		t.Errorf("too old to be believed: asked %q", k.calls[2])
	}
	if _, err := m.Missing(t.Context(), []string{soup}); err != nil || len(k.calls) != 3 {
		t.Errorf("nothing to ask for: %v, asked %q", err, k.calls[3:])
	}
}

func TestMenuDoesNotWaitLong(t *testing.T) {
	m := newMenu(&fakeProduct{hangs: true}, server.Clock)
	begin := time.Now()
	_, err := m.Missing(t.Context(), []string{soup})
	if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took < menuTimeout || took > 3*time.Second {
		t.Errorf("%v after %s", err, took)
	}
}

func TestMenuSaysWhenItDoesNotKnow(t *testing.T) {
	for name, k := range map[string]*fakeProduct{"away": {err: errors.New("refused")}, "nonsense": {answer: "<html>"}} {
		if unknown, err := newMenu(k, server.Clock).Missing(t.Context(), []string{soup}); err == nil || unknown != nil {
			t.Errorf("%s: %v, %v", name, unknown, err)
		}
	}
}

func TestMenuStaysSmall(t *testing.T) {
	m := newMenu(&fakeProduct{}, server.Clock)
	for i := range 3 * maxCachedProducts {
		m.cacheProduct(fmt.Sprint(i))
	}
	if len(m.freshUntil) > maxCachedProducts {
		t.Errorf("%d remembered", len(m.freshUntil))
	}
}
