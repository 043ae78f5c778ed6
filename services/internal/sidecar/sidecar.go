// Package sidecar connects a service to the Dapr sidecar beside it: the Go SDK's client over gRPC, and the few questions
// that are asked over HTTP. Every call carries the API token and the trace (DESIGN: the SDK alone drops the trace when a
// token is set).
package sidecar

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"comanda/services/internal/tracing"
)

// Config says where the sidecar is. `dapr run` and the Kubernetes injector set the ports and the token.
type Config struct {
	Host     string `env:"DAPR_HOST" envDefault:"127.0.0.1"`
	HTTPPort int    `env:"DAPR_HTTP_PORT" envDefault:"3500"`
	GRPCPort int    `env:"DAPR_GRPC_PORT" envDefault:"50001"`
	APIToken string `env:"DAPR_API_TOKEN"`
}

// URL is the base address of the sidecar's HTTP API.
func (c Config) URL() string {
	return "http://" + net.JoinHostPort(c.Host, strconv.Itoa(c.HTTPPort))
}

// Connect makes a client. It does not wait for the sidecar: calls fail as Unavailable until it is there. The caller
// closes the client.
func Connect(c Config) (dapr.Client, error) {
	dapr.SetLogger(log.New(io.Discard, "", 0)) // the SDK's own logger tells of the token on stdout
	conn, err := grpc.NewClient(net.JoinHostPort(c.Host, strconv.Itoa(c.GRPCPort)),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // loopback, or a network of the pair's own
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(outgoing(ctx, c.APIToken), method, req, reply, cc, opts...)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the sidecar: %w", err)
	}
	return dapr.NewClientWithConnection(conn), nil
}

func outgoing(ctx context.Context, apiToken string) context.Context {
	if apiToken != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", apiToken)
	}
	if parent := tracing.Parent(ctx); parent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
	}
	return ctx
}

// Ready asks whether the sidecar's components are up. It asks for the outbound side only: the other waits for the
// service, which would be a circle (https://docs.dapr.io/reference/api/health_api/).
func Ready(ctx context.Context, c Config) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL()+"/v1.0/healthz/outbound", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("the sidecar answers %s", resp.Status)
	}
	return nil
}
