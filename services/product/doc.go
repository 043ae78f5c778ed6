// Product keeps the menu and the stock, and reserves stock for orders so that nothing is sold twice.
//
// Owns: products, stock with the movements that explain it, reservations (tables), and the document reservation-<orderId>,
// the outcome that is announced.
// Offers: GET /products, GET /products/{id}, POST /products, PATCH /products/{id}, POST /products/{id}/stock; and
// GET /menu, with which order checks what it is asked for.
// Publishes: inventory.stock.reserved, inventory.stock.failed.
// Hears: order.created.pending (reserve every line or none), order.status.changed (CANCELLED gives the stock back,
// DELIVERED makes it sold).
package main
