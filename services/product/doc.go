// Product keeps the menu and the stock, and reserves stock for orders so that no piece is sold twice.
//
// Owns: products, their stock with the movements that explain it, and reservations (tables); and the document
// reservation-<orderId>, the announced outcome.
// Offers: GET /products, GET /products/{id}, POST /products, PATCH /products/{id}, POST /products/{id}/stock; and
// GET /menu, with which order checks the products of a new order.
// Publishes: inventory.stock.reserved, inventory.stock.failed.
// Consumes: order.created.pending (reserves every line or none), order.status.changed (CANCELLED releases the stock,
// DELIVERED marks it as sold).
//
// A reservation has these states; all but RESERVED are final:
//
//	(none) --order--> RESERVED --cancel--> RELEASED
//	   |                  '----deliver---> SOLD
//	   |----order--> FAILED
//	   '----cancel-> TOMBSTONE (the cancellation arrived before the order, which is refused when it arrives)
package main
