package asyncapi

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra/build"
)

// value is an event as our daprd publishes it.
const value = `{"data":{"at":"2026-11-26T14:50:21.400868Z","customerId":"ce96f136-a335-527a-a9a6-1c3f1d2f7342",` +
	`"orderId":"8d4513f8-222d-5156-93d1-666447e36c4c","status":"CONFIRMED","version":2},"datacontenttype":"application/json",` +
	`"id":"outbox-1","pubsubname":"pubsub","source":"order","specversion":"1.0","subject":"8d4513f8-222d-5156-93d1-666447e36c4c",` +
	`"time":"2026-11-26T14:50:21Z","topic":"order.status.changed","traceid":"","tracestate":"","type":"order.status.changed.v1"}`

func load(t *testing.T) *Document {
	t.Helper()
	root, err := build.Root()
	if err != nil {
		t.Fatal(err)
	}
	d, err := Load(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func record(topic, key, value string, headers ...string) *kgo.Record {
	r := &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(value)}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

func TestCheckRefusesWhatTheDocumentDoesNotSay(t *testing.T) {
	d := load(t)
	const topic, id, other = "order.status.changed", "8d4513f8-222d-5156-93d1-666447e36c4c", "ce96f136-a335-527a-a9a6-1c3f1d2f7342"
	changed := func(from, to string) *kgo.Record {
		if !strings.Contains(value, from) {
			t.Fatalf("%q is not in the event", from)
		}
		return record(topic, id, strings.Replace(value, from, to, 1), "partitionKey", id)
	}
	for name, tc := range map[string]struct {
		record *kgo.Record
		wrong  string // a part of the error; empty for none
	}{
		"an event":                        {record(topic, id, value, "partitionKey", id), ""},
		"an event of unmodified daprd":    {record(topic, "", value), ""},
		"new members":                     {changed(`"version":2`, `"version":2,"new":[null]`), ""},
		"a new attribute":                 {changed(`"source"`, `"new":1,"source"`), ""},
		"an unknown topic":                {record("orders", id, value), "topic orders"},
		"no JSON":                         {record(topic, "", "no"), "OrderStatus"},
		"another event":                   {record("order.created.pending", id, value, "partitionKey", id), "type"},
		"another version":                 {changed("changed.v1", "changed.v2"), "type"},
		"another publisher":               {changed(`"order"`, `"product"`), "source"},
		"no data":                         {changed(`"data"`, `"dat"`), "data"},
		"no subject":                      {changed(`"subject"`, `"subjec"`), "subject"},
		"no time":                         {changed(`"time"`, `"tim"`), "time"},
		"a time that is none":             {changed("14:50:21Z", "14:50"), "time"},
		"a missing member":                {changed(`"status"`, `"statu"`), "status"},
		"a member of another type":        {changed(`"version":2`, `"version":"2"`), "version"},
		"a number that is not whole":      {changed(`"version":2`, `"version":2.5`), "version"},
		"a version below 1":               {changed(`"version":2`, `"version":0`), "version"},
		"an unknown status":               {changed("CONFIRMED", "LOST"), "status"},
		"an id that is no UUID":           {changed(other, "ana"), "customerId"},
		"another aggregate":               {changed(`"orderId":"`+id, `"orderId":"`+other), "differ"},
		"another key":                     {record(topic, other, value, "partitionKey", other), "differ"},
		"a key without its header":        {record(topic, id, value), "differ"},
		"a header that is not a UUID":     {record(topic, id, value, "partitionKey", "ana"), "partitionKey"},
		"a dead letter":                   {record("product.dead-letters", "", "no", deadLetterHeaders(topic)...), ""},
		"a dead letter without an origin": {record("product.dead-letters", "", value, "__topic", topic), "DeadLetter"},
		"a dead letter from elsewhere":    {record("order.dead-letters", "", value, deadLetterHeaders(topic)...), "does not receive"},
	} {
		t.Run(name, func(t *testing.T) {
			err := d.Check(tc.record)
			if tc.wrong == "" && err != nil || tc.wrong != "" && (err == nil || !strings.Contains(err.Error(), tc.wrong)) {
				t.Errorf("got %v, want an error about %q", err, tc.wrong)
			}
		})
	}
}

func deadLetterHeaders(topic string) []string {
	return []string{"pubsubName", "pubsub", "__topic", topic, "__partition", "3", "__offset", "17", "__timestamp", "1767323045678"}
}
