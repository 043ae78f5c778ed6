package rest

import "context"

// ClientHeader carries the client's network from the gateway to a service, for limits by address and for the audit trail. Only the
// gateway sets it; a header of this name from a client is not passed on.
const ClientHeader = "Comanda-Client-Address"

type clientKey struct{}

// Client returns the network of the client that sent the request of ctx, or "" when the gateway did not name it.
func Client(ctx context.Context) string {
	client, _ := ctx.Value(clientKey{}).(string)
	return client
}

// WithClient returns ctx for a request of the client with that network.
func WithClient(ctx context.Context, client string) context.Context {
	return context.WithValue(ctx, clientKey{}, client)
}
