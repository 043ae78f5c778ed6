package main

import (
	"context"
	"testing"

	"github.com/dapr/components-contrib/pubsub"
)

func TestOnlyEventsWithAStatusOfTheSubscriptionReachTheApp(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		var delivered []string
		request := pubsub.SubscribeRequest{Topic: "orders", Metadata: map[string]string{statusesKey: "changed.v1=CANCELLED,DELIVERED"}}
		err := g.Subscribe(t.Context(), request, func(_ context.Context, message *pubsub.NewMessage) error {
			delivered = append(delivered, string(message.Data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for event, want := range map[string]bool{
			`{"type":"changed.v1","data":{"status":"CANCELLED"}}`: true, `{"type":"changed.v1","data":{"status":"DELIVERED"}}`: true,
			`{"type":"changed.v1","data":{"status":"CONFIRMED"}}`: false, `{"type":"changed.v1","data":{"status":"CANCEL"}}`: false,
			`{"type":"changed.v1","data":{}}`: true, `{"type":"changed.v1","data":"CONFIRMED"}`: true, `not JSON`: true, ``: true,
			// The app refuses a version that it does not know, with any status, and keeps the event as a dead letter for its later version.
			`{"type":"changed.v2","data":{"status":"CONFIRMED"}}`: true, `{"data":{"status":"CONFIRMED"}}`: true,
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
