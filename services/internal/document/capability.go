package document

import (
	"context"
	"slices"
	"sync"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// severalEvents is the capability with which our daprd says, in its metadata, that a transaction may have several documents with events
// (dapr/daprd/pairs.go). Unmodified daprd lacks it: its outbox panics on such a transaction, which ends the sidecar.
const severalEvents = "SEVERAL_EVENTS"

const (
	// askLimit limits the question about the capability. Nothing waits for the answer but the write that asks.
	askLimit = time.Second
	// askAgain is the time after which a sidecar without the capability is asked again: another one may have replaced it.
	askAgain = time.Minute
)

// capability is whether the sidecar has severalEvents.
type capability struct {
	mu    sync.Mutex
	has   bool
	asked time.Time // zero: not asked, or forgotten
}

// isThere reports whether the sidecar has the capability. It asks the sidecar if that is not known; other callers get false meanwhile. A
// sidecar that does not answer counts as one without the capability.
func (c *capability) isThere(ctx context.Context, client dapr.Client) bool {
	c.mu.Lock()
	if c.has || time.Since(c.asked) < askAgain {
		defer c.mu.Unlock()
		return c.has
	}
	c.asked = time.Now()
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	metadata, err := client.GetMetadata(ctx)
	has := err == nil && slices.ContainsFunc(metadata.RegisteredComponents, func(component *dapr.MetadataRegisteredComponents) bool {
		return slices.Contains(component.Capabilities, severalEvents)
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.has = has
	if err != nil {
		c.asked = time.Time{}
	}
	return has
}

// check forgets the capability if err says that the connection to the sidecar broke: another sidecar may have replaced it.
func (c *capability) check(err error) {
	if status.Code(err) == codes.Unavailable {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.has, c.asked = false, time.Time{}
	}
}
