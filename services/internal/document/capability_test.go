package document_test

import (
	"slices"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/internal/document"
)

// Unmodified daprd has no such capability: its outbox panics on a transaction with several events. A sidecar that says nothing counts as one.
func TestNoTransactionIsJoinedUnlessTheSidecarSaysThatItCan(t *testing.T) {
	for name, prepare := range map[string]func(*memory){
		"unmodified": func(m *memory) { m.capabilities = []string{"ETAG", "TRANSACTIONAL"} },
		"silent":     func(m *memory) { m.silent = true },
	} {
		t.Run(name, func(t *testing.T) {
			testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
				prepare(m)
				wantErrors(t, together(m, create(t, lights, "a"), create(t, lights, "b"), create(t, lights, "c")), nil, nil, nil)
				slices.SortFunc(m.transactions, slices.Compare)
				wantKeys(t, m.transactions, "light-a", "light-b", "light-c")
			})
		})
	}
}

// The sidecar is asked again when the connection broke, and after a minute without the capability: another one may have replaced it. A
// transaction that failed for another reason is no reason to ask.
func TestTheSidecarIsAskedAgainWhenItMayHaveBeenReplaced(t *testing.T) {
	testGrouping(t, func(t *testing.T, m *memory, _ dapr.Client, lights document.Store[light]) {
		three := func(prefix string) {
			t.Helper()
			wantErrors(t, together(m, create(t, lights, prefix+"1"), create(t, lights, prefix+"2"), create(t, lights, prefix+"3")), nil, nil, nil)
		}
		three("a")
		three("b")
		if m.asked != 1 {
			t.Errorf("the sidecar was asked %d times, want once", m.asked)
		}
		wantErrors(t, together(m, create(t, lights, "c1"), create(t, lights, "a1"), create(t, lights, "c2")), nil, document.ErrExists, nil)
		if three("d"); m.asked != 1 {
			t.Errorf("after a lost race: asked %d times, want once", m.asked)
		}
		m.capabilities, m.transactions, m.lose = nil, nil, 2
		wantErrors(t, together(m, create(t, lights, "e1"), create(t, lights, "e2"), create(t, lights, "e3")), nil, document.ErrExists, document.ErrExists)
		m.transactions, m.lose = nil, 0
		three("f")
		if m.asked != 2 || len(m.transactions) != 3 {
			t.Errorf("after a broken connection: asked %d times, transactions %v, want twice, and none joined", m.asked, m.transactions)
		}
		three("g")
		m.capabilities = []string{"SEVERAL_EVENTS"}
		time.Sleep(time.Minute) // of the bubble
		three("h")
		if last := m.transactions[len(m.transactions)-1]; m.asked != 3 || len(last) != 2 {
			t.Errorf("after a minute: asked %d times, the last transaction %v, want three times, and two documents", m.asked, last)
		}
	})
}
