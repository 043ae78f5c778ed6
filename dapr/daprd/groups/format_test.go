package groups

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// A signature covers the bytes of an event's data, so a group must not change them.
func TestGroupKeepsTheBytesOfItsEvents(t *testing.T) {
	events := []Event{
		{Data: []byte(`{"b": 1.0, "a":"<&>\u00e9é", "large":9007199254740993}`), Traceparent: traceparent},
		{Data: []byte("{\n}")},
	}
	body, err := Encode(`/events/"odd"`, events)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		ID, Path, Type string
		Entries        []struct {
			EntryID, ContentType string
			Metadata             map[string]string
			Event                json.RawMessage
		}
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if got.ID == "" || got.Path != `/events/"odd"` || got.Type != "com.dapr.event.sent.bulk" || len(got.Entries) != len(events) {
		t.Fatalf("group: got %+v, want an id, the path, the type of Dapr's bulk subscriptions and %d entries", got, len(events))
	}
	for i, entry := range got.Entries {
		if string(entry.Event) != string(events[i].Data) {
			t.Errorf("event %d: got %s, want %s", i, entry.Event, events[i].Data)
		}
		if entry.EntryID != fmt.Sprint(i) || entry.Metadata["traceparent"] != events[i].Traceparent || entry.ContentType != "application/cloudevents+json" {
			t.Errorf("entry %d: got id %s, content type %s and metadata %v", i, entry.EntryID, entry.ContentType, entry.Metadata)
		}
	}
}

// decodeAll returns the statuses of a response.
func decodeAll(response io.Reader) (statuses []string, err error) {
	err = Decode(response, func(index int, status string) { statuses = append(statuses, fmt.Sprintf("%d %s", index, status)) })
	return statuses, err
}

func TestStatusesOfAResponse(t *testing.T) {
	for response, want := range map[string][]string{
		`{"statuses":[{"entryId":"1","status":"SUCCESS"},{"entryId":"0","status":"RETRY"}]}`:                      {"1 SUCCESS", "0 RETRY"},
		`{"notes":["x",{"statuses":[]}],"statuses":[{"entryId":"0","status":"DROP","why":[1]}],"more":{}}` + "\n": {"0 DROP"},
		`{"statuses":[{"entryId":"0"},{"entryId":"x","status":"SUCCESS"}]}`:                                       {"0 "},
		`{"statuses":[]}`: nil,
	} {
		reader := strings.NewReader(response + strings.Repeat("\n", 10_000))
		got, err := decodeAll(reader)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %q and error %v, want %q and none", response, got, err, want)
		}
		if reader.Len() > 0 { // then the connection cannot be used again
			t.Errorf("%s: %d bytes were not read", response, reader.Len())
		}
	}
}

// What arrived before a fault counts.
func TestBrokenResponses(t *testing.T) {
	for _, response := range []string{
		``, `null`, `[]`, `OK`, `{}`, `{"status":"SUCCESS"}`, `{"statuses":null}`, `{"statuses":{}}`, `{"other":`, `{"statuses":["SUCCESS"]}`,
	} {
		if got, err := decodeAll(strings.NewReader(response)); err == nil || len(got) > 0 {
			t.Errorf("%s: got %q and error %v, want none and an error", response, got, err)
		}
	}
	reset := errors.New("connection reset")
	got, err := decodeAll(io.MultiReader(strings.NewReader(`{"statuses":[{"entryId":"0","status":"SUCCESS"},{"entr`), failingReader{reset}))
	if want := []string{"0 SUCCESS"}; !errors.Is(err, reset) || !slices.Equal(got, want) {
		t.Errorf("a response that breaks off: got %q and error %v, want %q and %v", got, err, want, reset)
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestEachStatusIsReadWhenItArrives(t *testing.T) {
	response, app := io.Pipe()
	statuses, decoded := make(chan int), make(chan error, 1)
	go func() {
		decoded <- Decode(response, func(index int, _ string) { statuses <- index })
	}()
	send := func(text string) {
		if _, err := io.WriteString(app, text); err != nil {
			t.Error(err)
		}
	}
	send(`{"statuses":[`)
	comma := ""
	for i := range 3 {
		send(comma + fmt.Sprintf(`{"entryId":"%d","status":"SUCCESS"}`, i))
		comma = ","
		if got := <-statuses; got != i { // before the app sends the next
			t.Errorf("status: got that of event %d, want %d", got, i)
		}
	}
	send("]}\n")
	if err := app.Close(); err != nil {
		t.Error(err)
	}
	if err := <-decoded; err != nil {
		t.Error(err)
	}
}
