package main

import (
	"context"
	"testing"

	"github.com/dapr/components-contrib/pubsub"
)

func TestOnlyEventsWithAStatusOfTheSubscriptionReachTheApp(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		var delivered []string
		request := pubsub.SubscribeRequest{Topic: "orders", Metadata: map[string]string{statusesKey: "CANCELLED,DELIVERED"}}
		err := g.Subscribe(t.Context(), request, func(_ context.Context, message *pubsub.NewMessage) error {
			delivered = append(delivered, string(message.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for event, want := range map[string]bool{
			`{"data":{"status":"CANCELLED"}}`: true, `{"data":{"status":"DELIVERED"}}`: true, `{"data":{"status":"CONFIRMED"}}`: false,
			`{"data":{"status":"CANCEL"}}`: false, `{"data":{}}`: true, `{"data":"CONFIRMED"}`: true, `not JSON`: true, ``: true,
		} {
			delivered = nil
			if err := g.deliver(t.Context(), &pubsub.NewMessage{Topic: "orders", Data: []byte(event)}); err != nil {
				t.Errorf("%s: got error %v", event, err)
			}
			if got := len(delivered) == 1; got != want {
				t.Errorf("%s: delivered %v, want %v", event, got, want)
			}
		}
	})
}
