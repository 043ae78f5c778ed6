// Command order accepts customers' orders and tracks each one from placement to delivery.
//
//	owns       orders (documents order-<id>: lines, status and history), and the erasures of customers (erasure-<id>)
//	offers     POST /orders, GET /orders, GET /orders/{id}, POST /orders/{id}/cancel;
//	           GET /orders/{id}/timeline (with the part of product); to staff POST /orders/{id}/status;
//	           to admins its dead letters (package deadletter), and GET /audit/order;
//	           internal: GET /orders/{id}/history (for the gateway's streams), GET /export/orders (for user's exports),
//	           GET /reconciliation/orders (product asks for the status of orders with reserved stock),
//	           and GET /tracking/orders (the gateway asks for the versions of the orders that clients watch)
//	publishes  order.created.pending for each new order (again while no outcome arrives, or when product has lost its
//	           reservation), order.status.changed for each later change;
//	           deleting.user.response: the person is removed from a customer's orders
//	consumes   inventory.stock.reserved: confirms the order; inventory.stock.failed: rejects it, or cancels it if product knows
//	           that it was cancelled (both from product);
//	           deleting.user (from auth)
//
// A change of an order, its history entry and the event that announces it are committed in one write. Prices come only from
// product, with the confirmation. No order stays PENDING for ever: see recovery.go. Open orders are compared with product's
// reservations: see reconciliation.go.
//
//	PENDING ──confirm──▶ CONFIRMED ──▶ PREPARING ──▶ READY ──▶ OUT_FOR_DELIVERY ──▶ DELIVERED
//	   │ │                   │             │           │
//	   │ └──────cancel───────┴────cancel───┴───cancel──┴──▶ CANCELLED      (its customer: not from PREPARING or READY)
//	   └──reject──▶ REJECTED
//
// An erased customer's orders stay, without the person: final ones at once, open ones from the moment they end.
//
// docs/state-machine.md shows the same states with the cause of each step.
package main
