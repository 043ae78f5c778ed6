// Command order accepts customers' orders and tracks each one from placement to delivery.
//
//	owns       orders (documents order-<id>: lines, status and history)
//	offers     POST /orders, GET /orders, GET /orders/{id}, POST /orders/{id}/cancel;
//	           to staff POST /orders/{id}/status
//	           GET /orders/{id}/history is internal: the gateway's stream reads it
//	publishes  order.created.pending for each new order, order.status.changed for each later change
//	consumes   inventory.stock.reserved: confirms the order; inventory.stock.failed: rejects it (both from product)
//
// A change of an order, its history entry and the event that announces it are committed in one write. Prices come only from
// product, with the confirmation. No order stays PENDING for ever: see recovery.go.
//
//	PENDING ──confirm──▶ CONFIRMED ──▶ PREPARING ──▶ READY ──▶ OUT_FOR_DELIVERY ──▶ DELIVERED
//	   │ │                   │             │           │
//	   │ └──────cancel───────┴────cancel───┴───cancel──┴──▶ CANCELLED      (from PREPARING and READY: staff only)
//	   └──reject──▶ REJECTED
//
// docs/state-machine.md shows the same states with the cause of each step.
package main
