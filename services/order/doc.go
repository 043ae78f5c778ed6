// Order owns the life of an order.
//
// It offers placing, reading, listing, cancelling and working orders. It publishes order.created.pending with every new
// order and order.status.changed with every change after that. It hears inventory.stock.reserved and
// inventory.stock.failed, product's answers, and confirms or rejects by them.
//
// An order is one document: its state, the history of it, and the event that announces a change are written together.
// Prices come from product alone, with the confirmation. Nothing sticks: see recovery.go.
//
//	PENDING ──confirm──▶ CONFIRMED ──▶ PREPARING ──▶ READY ──▶ OUT_FOR_DELIVERY ──▶ DELIVERED
//	   │ │                   │             │           │
//	   │ └──────cancel───────┴────cancel───┴───cancel──┴──▶ CANCELLED      (from PREPARING and READY: staff alone)
//	   └──reject──▶ REJECTED
//
// The same with what each step is caused by is in docs/state-machine.md.
package main
