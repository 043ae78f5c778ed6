package document

import (
	"context"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/internal/signature"
)

// signingClient signs the events of the transactions that it runs.
type signingClient struct {
	dapr.Client
	key signature.PrivateKey
}

// Signing returns client with a signature on every event, so that consumers can verify the events of each Store that writes through it.
func Signing(client dapr.Client, key signature.PrivateKey) dapr.Client {
	return signingClient{client, key}
}

// ExecuteStateTransaction adds its signature to each event's attributes, which Dapr reads from the metadata of the event's document.
func (c signingClient) ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string,
	ops []*dapr.StateOperation) error {
	attributes := map[string]map[string]string{} // by the key of the document
	for _, op := range ops {
		if op.Item.Metadata[projection] != "true" {
			attributes[op.Item.Key] = op.Item.Metadata
			continue
		}
		eventAttributes := attributes[op.Item.Key]
		signed, err := c.key.Sign(eventAttributes["type"], eventAttributes["subject"], op.Item.Value)
		if err != nil {
			return err
		}
		eventAttributes[signature.Attribute] = signed
	}
	return c.Client.ExecuteStateTransaction(ctx, store, meta, ops)
}
