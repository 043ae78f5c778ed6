// Package services names the services of Comanda, for every program that starts, builds or watches them all. Each lives in
// the folder of its name beside this file, and its name is its Dapr app-id.
package services

// Names lists the services in the order in which people read about them. The gateway is last: it is ready when the others
// are.
var Names = []string{"auth", "user", "order", "product", "gateway"}

// Stateful lists the services that own a database: all but the gateway.
var Stateful = Names[:4:4]
