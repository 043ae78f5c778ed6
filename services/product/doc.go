// Command product keeps the menu and the stock, and reserves stock for orders so that no piece is sold twice.
//
//	owns       products, their stock with the movements that explain it, reservations, and the audit trail of menu
//	           and stock (tables); and the outcomes that were announced (documents reservation-<orderId>)
//	offers     GET /products, GET /products/{id}; to staff and admins POST /products/{id}/stock and the products off the menu;
//	           to admins POST /products, PATCH /products/{id}, GET /audit/product and its dead letters (package deadletter);
//	           to the service order: GET /menu (the products of a new order), GET /reconciliation/reservations (the stock of
//	           open orders), and GET /reservations/{id}/steps (product's part of a timeline)
//	publishes  inventory.stock.reserved, inventory.stock.failed: the outcome of an order
//	consumes   order.created.pending: reserves every line or none; order.status.changed: CANCELLED releases the stock,
//	           DELIVERED marks it as sold (both from the service order)
//
// If the event of an order's end was lost, reconciliation.go notices by asking the service order. Reservations that ended without a sale are
// deleted after RECORD_RETENTION.
//
// A reservation has these states; all but RESERVED are final:
//
//	(none) --order--> RESERVED --cancel--> RELEASED (also by the reconciliation, if the service order does not know the order)
//	   |                  '----deliver---> SOLD
//	   |----order--> FAILED
//	   '----cancel-> TOMBSTONE (the cancellation arrived before the order, which then gets no reservation, and the answer that it was cancelled)
package main
