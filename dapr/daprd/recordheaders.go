package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/dapr/components-contrib/pubsub"
)

// Dapr sends a record's key and headers to the app as headers of the request. A service refuses a request with more than 16 KiB of
// them. A record of a dead-letter topic that is refused is sent again and again, and blocks its partition. So what a record adds is
// bounded, in bytes.
const (
	maxHeaderValue  = 1 << 10 // longer values are cut
	maxHeadersTotal = 8 << 10 // what does not fit in is left out
)

// ownHeaders are the headers that Dapr's component adds: where the record was, and its key. They come first: the headers of the record
// itself must not displace them.
var ownHeaders = []string{"__topic", "__key", "__partition", "__offset", "__timestamp"}

// boundHeaders cuts and removes what is too long of the key and the headers of a record.
func boundHeaders(message *pubsub.NewMessage) {
	left := maxHeadersTotal
	names := slices.SortedFunc(maps.Keys(message.Metadata), func(a, b string) int {
		return cmp.Or(rankOf(a)-rankOf(b), cmp.Compare(a, b))
	})
	for _, name := range names {
		value := message.Metadata[name]
		if len(value) > maxHeaderValue {
			value = cutEscaped(value, maxHeaderValue)
			message.Metadata[name] = value
		}
		if size := len(name) + len(value); size <= left {
			left -= size
		} else {
			delete(message.Metadata, name)
		}
	}
}

// rankOf returns the place of a header among ownHeaders. All others share the last place.
func rankOf(name string) int {
	if i := slices.Index(ownHeaders, name); i >= 0 {
		return i
	}
	return len(ownHeaders)
}

// cutEscaped returns the start of a text that is escaped as in a URL, without half an escape (%4) at its end.
func cutEscaped(text string, limit int) string {
	text = text[:limit]
	if i := strings.LastIndexByte(text, '%'); i > limit-3 {
		text = text[:i]
	}
	return text
}
