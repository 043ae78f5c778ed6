package pubsub

import (
	"context"

	"comanda/dapr/daprd/rows"

	contribPubsub "github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/state"
	"github.com/dapr/dapr/pkg/outbox"
)

// OptionsOutbox is what the runtime constructs the outbox with; events kept as rows need two of them.
type OptionsOutbox struct {
	Publisher             Adapter
	GetPubsubFn           func(string) (contribPubsub.PubSub, bool)
	GetStateFn            func(string) (state.Store, bool)
	CloudEventExtractorFn func(map[string]any, string) string
	Namespace             string
}

// NewOutbox stands for Dapr's constructor of this name: the same interface around another engine.
func NewOutbox(options OptionsOutbox) outbox.Outbox {
	return rows.New(rows.Options{
		Store: options.GetStateFn,
		Publisher: func(ctx context.Context, request *contribPubsub.BulkPublishRequest) (contribPubsub.BulkPublishResponse, error) {
			return options.Publisher.BulkPublish(ctx, request, TransportModeGRPC)
		},
	})
}
