package groups

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
)

// errNoStatuses means that a response is not in the format of Dapr's bulk subscriptions.
var errNoStatuses = errors.New(`the app's response has no list "statuses"`)

// Encode returns the body of the request for a group. The events are not encoded again, because a signature covers their bytes.
func Encode(path string, events []Event) ([]byte, error) {
	size := 256
	for _, e := range events {
		size += len(e.Data) + 256
	}
	body := bytes.NewBuffer(make([]byte, 0, size))
	head, err := json.Marshal(map[string]string{"id": uuid.NewString(), "path": path, "type": "com.dapr.event.sent.bulk"})
	if err != nil {
		return nil, err
	}
	body.Write(head[:len(head)-1])
	body.WriteString(`,"entries":[`)
	for i, e := range events {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(body, `{"entryId":"%d","contentType":"application/cloudevents+json","metadata":{"traceparent":%q},"event":`, i, e.Traceparent)
		body.Write(e.Data)
		body.WriteByte('}')
	}
	body.WriteString(`]}`)
	return body.Bytes(), nil
}

// Decode reads the app's response to its end, and calls answer for each status as soon as it has arrived.
func Decode(response io.Reader, answer func(index int, status string)) error {
	decoder := json.NewDecoder(response)
	if err := skipToStatuses(decoder); err != nil {
		return err
	}
	for decoder.More() {
		var entry struct {
			EntryID string `json:"entryId"`
			Status  string `json:"status"`
		}
		if err := decoder.Decode(&entry); err != nil {
			return fmt.Errorf("read the app's response: %w", err)
		}
		if index, err := strconv.Atoi(entry.EntryID); err == nil {
			answer(index, entry.Status)
		}
	}
	_, err := io.Copy(io.Discard, response)
	return err
}

// skipToStatuses reads to the start of the list of statuses.
func skipToStatuses(decoder *json.Decoder) error {
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return errors.Join(errNoStatuses, err)
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return errors.Join(errNoStatuses, err)
		}
		if name == "statuses" {
			if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
				return errors.Join(errNoStatuses, err)
			}
			return nil
		}
		var other json.RawMessage
		if err := decoder.Decode(&other); err != nil {
			return errors.Join(errNoStatuses, err)
		}
	}
	return errNoStatuses
}
