package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// stockHistory records the operations on the stock of one scarce dish, each with the times of its request and of its response. The stock
// must be linearizable: there must be an order of the operations, within these times, in which each response is right.
type stockHistory struct {
	load    *load
	dish    client.Product
	started time.Time

	// begun is held for reading during an operation. A database is restored while no operation has begun: a copy that is older than an
	// answer contradicts it.
	begun sync.RWMutex

	mu         sync.Mutex
	operations []porcupine.Operation // since the last checkpoint
	checked    int                   // the number of operations before the last checkpoint
	clients    int                   // the number of all operations: each counts as a client of its own
}

// stockOperation is an operation on a dish's stock: take reserves pieces for an order, add adds pieces, and a read does neither.
type stockOperation struct {
	kind   string
	amount int
}

// stockAnswer says whether an operation succeeded and, if the response tells it, how many pieces were available after it.
type stockAnswer struct {
	done      bool
	available int // or unknown
}

const unknown = -1

func newStockHistory(l *load, dish client.Product) *stockHistory {
	return &stockHistory{load: l, dish: dish, started: time.Now()}
}

// stockModel says how a dish's stock behaves.
func stockModel(available int) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return available },
		Step: func(state, input, output any) (bool, any) {
			before, operation, answer := state.(int), input.(stockOperation), output.(stockAnswer)
			after := before + operation.amount
			if operation.kind == "take" {
				after = before - operation.amount
			}
			switch {
			case !answer.done: // refused: it must have been too much
				return after < 0, before
			case after < 0 || answer.available >= 0 && answer.available != after:
				return false, before
			}
			return true, after
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
	}
}

// take orders some pieces and waits for the decision.
func (h *stockHistory) take(ctx context.Context) {
	h.begun.RLock()
	defer h.begun.RUnlock()
	amount, called := 1+rand.IntN(3), time.Now()
	placed, ok := h.load.place(ctx, scenario.Basket(h.dish, amount))
	if !ok {
		return
	}
	if order := h.load.decided(ctx, placed.ID); order.Status != "" {
		h.record(stockOperation{"take", amount}, stockAnswer{order.Status == client.Confirmed, unknown}, called)
	}
}

// add adds a few pieces. startLoad calls it less often than take. It ignores the quantity in the response: the response to a repeated request has a
// later one.
func (h *stockHistory) add(ctx context.Context) {
	h.begun.RLock()
	defer h.begun.RUnlock()
	delta, called := 1+rand.IntN(3), time.Now()
	_, ok := insist[client.Product](ctx, h.load, h.load.cook.Client, client.Request{Method: http.MethodPost,
		Path: "/products/" + h.dish.ID + "/stock", Body: map[string]int{"delta": delta}})
	if ok {
		h.record(stockOperation{"add", delta}, stockAnswer{true, unknown}, called)
	}
}

func (h *stockHistory) read(ctx context.Context) {
	h.begun.RLock()
	defer h.begun.RUnlock()
	h.readAvailable(ctx)
}

// readAvailable reads the available quantity and records the operation. The caller holds begun.
func (h *stockHistory) readAvailable(ctx context.Context) (available int, ok bool) {
	called := time.Now()
	now, ok := insist[client.Product](ctx, h.load, h.load.cook.Client, client.Request{Method: http.MethodGet, Path: "/products/" + h.dish.ID})
	if ok {
		h.record(stockOperation{"read", 0}, stockAnswer{true, now.Available}, called)
	}
	return now.Available, ok
}

func (h *stockHistory) record(operation stockOperation, answer stockAnswer, called time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients++
	h.operations = append(h.operations, porcupine.Operation{ClientId: h.clients, Input: operation, Output: answer,
		Call: int64(called.Sub(h.started)), Return: int64(time.Since(h.started))})
}

const (
	// checkTimeout limits the search for an order of the operations.
	checkTimeout = time.Minute
	// checkpointAfter is the number of operations after which they are checked: the memory of the search grows with its square.
	checkpointAfter = 5000
)

// checkpoint checks a history of checkpointAfter operations or more, and begins a new one. No operation is in progress meanwhile, so the
// new history begins with the quantity that checkpoint reads.
func (h *stockHistory) checkpoint(ctx context.Context) error {
	h.begun.Lock()
	defer h.begun.Unlock()
	if len(h.operations) < checkpointAfter {
		return nil
	}
	available, ok := h.readAvailable(ctx)
	if !ok {
		return ctx.Err()
	}
	checked, err := h.check()
	h.operations, h.checked, h.dish.Available = nil, checked, available
	return err
}

// check returns how many operations there were in all, and an error if no order explains those since the last checkpoint.
func (h *stockHistory) check() (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, err := len(h.operations), error(nil)
	switch porcupine.CheckOperationsTimeout(stockModel(h.dish.Available), h.operations, checkTimeout) {
	case porcupine.Illegal:
		err = fmt.Errorf("no order of %d operations on the stock of %s explains their answers", n, h.dish.Name)
	case porcupine.Unknown:
		err = fmt.Errorf("the search for an order of %d operations on the stock of %s took longer than %v", n, h.dish.Name, checkTimeout)
	}
	return h.checked + n, err
}
