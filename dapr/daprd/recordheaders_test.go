package main

import (
	"context"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/dapr/components-contrib/pubsub"
)

// A service accepts 16 KiB of headers, and the request has others too.
func TestKeyAndHeadersOfARecordAreBounded(t *testing.T) {
	own := map[string]string{"__topic": "order.created.pending", "__partition": "3", "__offset": "9000", "__timestamp": "1790000000000"}
	metadata := maps.Clone(own)
	key := strings.Repeat("é", 100<<10)
	metadata["__key"] = url.QueryEscape(key)
	for _, name := range strings.Split("abcdefghijklmnopqrstuvwxyz", "") {
		metadata["_"+name] = strings.Repeat("x", 20<<10)
	}
	metadata["a"+strings.Repeat("b", 20<<10)] = "a long name"
	message := &pubsub.NewMessage{Metadata: metadata}
	boundHeaders(message)
	total := 0
	for name, value := range message.Metadata {
		total += len(name) + len(value)
	}
	if total > 8<<10 || len(message.Metadata) < 8 {
		t.Errorf("got %d headers of %d bytes, want as many as fit in 8 KiB", len(message.Metadata), total)
	}
	for name, want := range own {
		if got := message.Metadata[name]; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got, err := url.QueryUnescape(message.Metadata["__key"]); err != nil || !strings.HasPrefix(key, strings.ToValidUTF8(got, "")) || len(got) < 300 {
		t.Errorf("got the key %q, %v, want its begin", got, err)
	}
}

func TestUsualHeadersStay(t *testing.T) {
	want := map[string]string{"__topic": "t", "__key": "%C3%A9", "traceparent": "00-1-2-01"}
	message := &pubsub.NewMessage{Metadata: maps.Clone(want)}
	boundHeaders(message)
	if !maps.Equal(message.Metadata, want) {
		t.Errorf("got %v, want %v", message.Metadata, want)
	}
}

func TestDeliveredRecordIsBounded(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		var got int
		handle := func(_ context.Context, message *pubsub.NewMessage) error {
			got = len(message.Metadata["__key"])
			return nil
		}
		if err := g.Subscribe(t.Context(), pubsub.SubscribeRequest{Topic: "a"}, handle); err != nil {
			t.Fatal(err)
		}
		message := &pubsub.NewMessage{Topic: "a", Metadata: map[string]string{"__key": strings.Repeat("k", 20<<10)}}
		if err := g.deliver(t.Context(), message); err != nil || got != maxHeaderValue {
			t.Errorf("got a key of %d bytes, %v, want %d", got, err, maxHeaderValue)
		}
	})
}
