package journey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Orders that are placed at the same time share transactions, and so do their confirmations. This needs a part of each: the service, the
// sidecar's capability, its configuration that lets the service ask for it, and the store. Without one of them every write would be alone, and
// nothing else would show it.
func TestOrdersPlacedTogetherShareTransactions(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(1_000_000, 700)
	scenario.Eventually(t, "some orders are written by one transaction", func(ctx context.Context) error {
		errs := make([]error, 32)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() { _, errs[i] = ana.Order(ctx, scenario.Basket(dish, 1)) })
		}
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		shared, err := scenario.Query(ctx, sys.DatabaseURL("order"),
			`select count(*)::text from (select from state where key like 'order-%' group by xmin::text having count(*) > 1) as shared`)
		if err == nil && shared[0] == "0" {
			err = fmt.Errorf("each order was written by a transaction of its own")
		}
		return err
	})
	wantInvariants(t, sys)
}
