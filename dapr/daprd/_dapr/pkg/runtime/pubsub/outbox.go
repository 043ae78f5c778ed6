package pubsub

import (
	"context"

	"comanda/dapr/daprd/rows"

	contribPubsub "github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/state"
	"github.com/dapr/dapr/pkg/outbox"
)

// OptionsOutbox holds what the runtime passes to the outbox. This engine uses two of its fields.
type OptionsOutbox struct {
	Publisher             Adapter
	GetPubsubFn           func(string) (contribPubsub.PubSub, bool)
	GetStateFn            func(string) (state.Store, bool)
	CloudEventExtractorFn func(map[string]any, string) string
	Namespace             string
}

// NewOutbox replaces the constructor of this name in Dapr. It returns the same interface with another engine behind it.
func NewOutbox(options OptionsOutbox) outbox.Outbox {
	return rows.New(rows.Options{
		Store: options.GetStateFn,
		Publisher: func(ctx context.Context, request *contribPubsub.BulkPublishRequest) (contribPubsub.BulkPublishResponse, error) {
			return options.Publisher.BulkPublish(ctx, request, TransportModeGRPC)
		},
	})
}
