package document

import (
	"context"
	"slices"
	"sync"
	"time"

	dapr "github.com/dapr/go-sdk/client"
)

// severalEvents is the capability with which our daprd says, in its metadata, that a transaction may have several documents with events
// (dapr/daprd/pairs.go). Unmodified daprd lacks it: its outbox panics on such a transaction, which ends the sidecar.
const severalEvents = "SEVERAL_EVENTS"

// askAgain is the time after which a sidecar without the capability is asked again: another one may have replaced it.
const askAgain = time.Minute

// several knows whether the sidecar has the capability.
type several struct {
	mu    sync.Mutex
	can   bool
	asked time.Time // zero: not asked, or forgotten
}

// canWriteSeveral reports whether the sidecar has the capability. It asks the sidecar if that is not known, and reports false meanwhile to
// other callers. A sidecar that does not answer has no capability.
func (s *several) canWriteSeveral(ctx context.Context, client dapr.Client) bool {
	if !s.mu.TryLock() {
		return false
	}
	defer s.mu.Unlock()
	if s.can || time.Since(s.asked) < askAgain {
		return s.can
	}
	metadata, err := client.GetMetadata(ctx)
	if err != nil {
		return false
	}
	s.asked = time.Now()
	s.can = slices.ContainsFunc(metadata.RegisteredComponents, func(component *dapr.MetadataRegisteredComponents) bool {
		return slices.Contains(component.Capabilities, severalEvents)
	})
	return s.can
}

// forget makes the next call of canWriteSeveral ask again. A joined transaction failed, perhaps because the sidecar was replaced.
func (s *several) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.can, s.asked = false, time.Time{}
}
