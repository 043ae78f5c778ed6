package groups

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
)

// Encode returns the body of the request for a group. The events are not encoded again, because a signature covers their bytes.
func Encode(path string, events []Event) ([]byte, error) {
	size := 0
	for _, e := range events {
		size += len(e.Data) + 256
	}
	body := bytes.NewBuffer(make([]byte, 0, size))
	head, err := json.Marshal(map[string]string{
		"id": uuid.NewString(), "path": path, "type": "com.dapr.event.sent.bulk",
	})
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

// Decode reads the app's response and calls answer for each status as soon as it arrives.
func Decode(response io.Reader, answer func(index int, status string)) error {
	decoder := json.NewDecoder(response)
	for { // up to the list of statuses
		token, err := decoder.Token()
		if err != nil {
			return fmt.Errorf("read the app's response to a group of events: %w", err)
		}
		if token == json.Delim('[') {
			break
		}
	}
	for decoder.More() {
		var entry struct {
			EntryID string `json:"entryId"`
			Status  string `json:"status"`
		}
		if err := decoder.Decode(&entry); err != nil {
			return fmt.Errorf("read the app's response to a group of events: %w", err)
		}
		if index, err := strconv.Atoi(entry.EntryID); err == nil {
			answer(index, entry.Status)
		}
	}
	return nil
}
