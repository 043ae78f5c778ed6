package await_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"comanda/services/internal/await"
)

// FuzzPrefer looks for a Prefer header that asks for more than the longest wait, or whose wait changes when it is passed on.
func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"wait=5", `respond-async, wait="10"`, `a="wait=3";wait=4, WAIT=99999999999999999999`, `wait="\`, ";;,="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, prefer string) {
		r := httptest.NewRequest("GET", "/orders", nil)
		r.Header["Prefer"] = []string{prefer}
		wait := await.Wait(r)
		if wait < 0 || wait > await.MaxWait || wait%time.Second != 0 {
			t.Fatalf("%q: got a wait of %s", prefer, wait)
		}
		r.Header.Set("Prefer", await.Preference(wait))
		if again := await.Wait(r); again != wait {
			t.Fatalf("%q: got a wait of %s, passed on as %s", prefer, wait, again)
		}
	})
}
