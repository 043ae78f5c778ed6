// Order accepts customers' orders and tracks each one from placement to delivery.
//
// Owns: orders. An order is one document: its state, its history and the event that announces a change are committed in
// one write.
// Offers: POST /orders, GET /orders, GET /orders/{id}, POST /orders/{id}/cancel and POST /orders/{id}/status.
// GET /orders/{id}/history is internal: the gateway's stream reads it.
// Publishes: order.created.pending for each new order, order.status.changed for each later change.
// Consumes: inventory.stock.reserved (confirms the order), inventory.stock.failed (rejects it). Both come from product.
//
// Prices come only from product, with the confirmation. No order stays PENDING for ever: see recovery.go.
//
//	PENDING ──confirm──▶ CONFIRMED ──▶ PREPARING ──▶ READY ──▶ OUT_FOR_DELIVERY ──▶ DELIVERED
//	   │ │                   │             │           │
//	   │ └──────cancel───────┴────cancel───┴───cancel──┴──▶ CANCELLED      (from PREPARING and READY: staff only)
//	   └──reject──▶ REJECTED
//
// docs/state-machine.md shows the same states with the cause of each step.
package main
