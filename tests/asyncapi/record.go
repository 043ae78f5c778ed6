package asyncapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Check returns an error unless the record matches the document's description of its topic: its headers, and for an event also its
// envelope and data, its key, and the id of its aggregate.
func (d *Document) Check(record *kgo.Record) error {
	channel, ok := d.Channels[record.Topic]
	if !ok {
		return fmt.Errorf("topic %s is not in the document", record.Topic)
	}
	headers := map[string]any{}
	for _, header := range record.Headers {
		headers[header.Key] = string(header.Value)
	}
	var wrong error
	for _, message := range channel.Messages {
		if wrong = d.checkHeaders(message.Target(), headers); wrong != nil {
			continue
		}
		if message.Target() == deadLetter {
			return d.checkOrigin(record.Topic, headers)
		}
		if wrong = d.CheckValue(message.Target(), record.Value); wrong == nil {
			return checkKey(record, headers)
		}
	}
	return wrong
}

func (d *Document) checkHeaders(message string, headers map[string]any) error {
	if err := d.headers[message].Validate(headers); err != nil {
		return fmt.Errorf("headers of %s: %w", message, err)
	}
	return nil
}

// CheckValue returns an error unless value is an event of this message.
func (d *Document) CheckValue(message string, value []byte) error {
	schema, ok := d.values[message]
	if !ok {
		return fmt.Errorf("the document has no event %s", message)
	}
	event, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return fmt.Errorf("%s: %w", message, err)
	}
	if err := schema.Validate(event); err != nil {
		return fmt.Errorf("%s: %w", message, err)
	}
	return nil
}

// checkOrigin checks that a dead letter in topic comes from a topic that the service of the dead letters receives.
func (d *Document) checkOrigin(topic string, headers map[string]any) error {
	for _, operation := range d.Operations {
		receives := operation.Action == "receive" && operation.Channel.Target() == headers["__topic"]
		if receives && operation.Service()+".dead-letters" == topic {
			return nil
		}
	}
	return fmt.Errorf("the dead letter in %s comes from %v, which its service does not receive", topic, headers["__topic"])
}

// checkKey checks that the key, the header, the subject and the id in the data are the same. A record of unmodified daprd has
// no key.
func checkKey(record *kgo.Record, headers map[string]any) error {
	var event struct {
		Subject string
		Data    struct{ OrderID, UserID string }
	}
	if err := json.Unmarshal(record.Value, &event); err != nil {
		return err
	}
	ids := []string{event.Subject, event.Data.OrderID + event.Data.UserID} // an event has one of the two
	if key, ok := headers["partitionKey"]; ok || len(record.Key) > 0 {
		ids = append(ids, string(record.Key), fmt.Sprint(key))
	}
	if ids = slices.Compact(ids); len(ids) > 1 {
		return fmt.Errorf("subject, aggregate, key and partitionKey differ: %q", ids)
	}
	return nil
}

// jsonValue returns a value as encoding/json decodes it: yaml decodes whole numbers into int.
func jsonValue(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // a decoded YAML document always has a JSON form
	}
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	return decoded
}
