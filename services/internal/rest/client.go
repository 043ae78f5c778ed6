package rest

// ClientHeader carries the client's network from the gateway to a service, for limits by address. Only the gateway sets it; what a
// client sends under this name goes no further.
const ClientHeader = "Comanda-Client-Address"
