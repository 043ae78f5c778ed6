package server

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"comanda/services/internal/telemetry"
)

// SidecarConfig holds the sidecar's address and API token. `dapr run` and the Kubernetes injector set the ports and the
// token.
type SidecarConfig struct {
	Host     Host   `env:"DAPR_HOST" envDefault:"127.0.0.1"`
	HTTPPort Port   `env:"DAPR_HTTP_PORT" envDefault:"3500"`
	GRPCPort Port   `env:"DAPR_GRPC_PORT" envDefault:"50001"`
	APIToken string `env:"DAPR_API_TOKEN,required,notEmpty"` // without it, any local process could use the sidecar's API
}

// URL returns the base address of the sidecar's HTTP API.
func (c SidecarConfig) URL() string {
	return "http://" + c.HTTPPort.Address(c.Host)
}

// reconnect caps the pause between attempts to connect at 1 s. By default gRPC waits up to 120 s, and every call fails
// meanwhile, also when the sidecar has long been back (https://github.com/grpc/grpc/blob/master/doc/connection-backoff.md).
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 2 * time.Second,
}

// connectTimeout is how long checkConnection waits for a connection: less than the 0.9 s after which probes give up.
const connectTimeout = 500 * time.Millisecond

// ConnectSidecar returns the Dapr SDK's client over gRPC. Every call carries the API token and the trace; the SDK alone
// drops the trace when a token is set. ConnectSidecar does not wait for the sidecar: until it is up, calls fail with
// Unavailable. The caller closes the client.
func ConnectSidecar(c SidecarConfig) (dapr.Client, error) {
	dapr.SetLogger(log.New(io.Discard, "", 0)) // the SDK's own logger prints the token to stdout
	conn, err := grpc.NewClient(c.GRPCPort.Address(c.Host),
		grpc.WithConnectParams(reconnect),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the loopback, or a network that only the pair shares
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			return invoke(withTokenAndTrace(ctx, c.APIToken), method, req, reply, cc, opts...)
		}))
	if err != nil {
		return nil, fmt.Errorf("connect to the sidecar: %w", err)
	}
	return dapr.NewClientWithConnection(conn), nil
}

// withTokenAndTrace adds the API token and the trace in ctx to the metadata of a call.
func withTokenAndTrace(ctx context.Context, apiToken string) context.Context {
	if apiToken != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "dapr-api-token", apiToken)
	}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "traceparent", parent)
	}
	return ctx
}

// CheckSidecar returns an error unless the sidecar's components are up. It asks for outbound health only: inbound health
// waits for the service, and the service would wait for itself (https://docs.dapr.io/reference/api/health_api/).
func CheckSidecar(ctx context.Context, c SidecarConfig) error {
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

// checkConnection returns an error unless conn is connected. The sidecar can be healthy while conn still waits for its next
// attempt; until then every call would fail.
func checkConnection(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if state == connectivity.Idle {
			conn.Connect()
		}
		if !conn.WaitForStateChange(ctx, state) {
			return fmt.Errorf("no gRPC connection to the sidecar: %s", state)
		}
	}
	return nil
}
