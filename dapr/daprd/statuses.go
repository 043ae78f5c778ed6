package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/dapr/components-contrib/pubsub"
)

// statusesKey is a key in the metadata of a subscription. It names the values of data.status of one type of event on which the app acts,
// as in order.status.changed.v1=CANCELLED,DELIVERED: an event of that type with another status is acknowledged without a call of the app.
// Dapr's own routing rules cannot do that, because an event that matches no rule goes to the dead letters. Unmodified daprd ignores the key and
// delivers every event, so the app ignores the others too.
const statusesKey = "statuses"

// isWanted reports whether the app acts on an event. What is not clear, such as an event without a status or of another version, the app
// decides.
func isWanted(request pubsub.SubscribeRequest, event []byte) bool {
	kind, statuses, ok := strings.Cut(request.Metadata[statusesKey], "=")
	if !ok {
		return true
	}
	var found struct {
		Type string
		Data struct{ Status string }
	}
	if json.Unmarshal(event, &found) != nil || found.Type != kind || found.Data.Status == "" {
		return true
	}
	return slices.Contains(strings.Split(statuses, ","), found.Data.Status)
}
