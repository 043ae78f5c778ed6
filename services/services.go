// Package services lists the services of Comanda, for programs that start, build or observe all of them. A service's name is
// its folder beside this file and its Dapr app-id.
package services

// Names lists the services in the order of the documentation. The gateway is last, because it is ready only when the others
// are.
var Names = []string{"auth", "user", "order", "product", "gateway"}

// Stateful lists the services with a database: all but the gateway.
var Stateful = Names[:4:4]
