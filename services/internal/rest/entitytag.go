package rest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"comanda/services/internal/fault"
)

// maxTagsLength is the maximum length of If-Match and of If-None-Match in bytes: a sidecar takes 4 KiB of headers in all.
const maxTagsLength = 1000

// entityTags is the value of If-Match or If-None-Match.
type entityTags struct {
	any  bool // *
	tags []entityTag
}

type entityTag struct {
	weak   bool
	opaque string
}

// parseEntityTags parses the list of entity tags (RFC 9110, 8.8.3) in a header, which may be sent several times. It returns nil
// when the header is absent. A Malformed error names the header.
func parseEntityTags(header http.Header, name string) (*entityTags, error) {
	values := header.Values(name)
	if len(values) == 0 {
		return nil, nil
	}
	text := strings.Join(values, ",")
	if len(text) > maxTagsLength {
		return nil, fault.Malformed("%s must be at most %d bytes long", name, maxTagsLength)
	}
	if strings.TrimSpace(text) == "*" {
		return &entityTags{any: true}, nil
	}
	list := &entityTags{}
	for text = skipCommas(text); text != ""; text = skipCommas(text) {
		tag, rest, ok := cutEntityTag(text)
		if !ok {
			list = &entityTags{}
			break
		}
		list.tags, text = append(list.tags, tag), rest
	}
	if len(list.tags) == 0 {
		return nil, fault.Malformed(`%s must be * or a list of entity tags in quotes, as the ETag of an answer: "3"`, name)
	}
	return list, nil
}

// cutEntityTag returns the entity tag at the start of text, and the rest of text. Only the quote ends a tag: commas and backslashes may
// be part of it. Only ASCII is accepted, because our own tags are ASCII.
func cutEntityTag(text string) (tag entityTag, rest string, ok bool) {
	text, tag.weak = strings.CutPrefix(text, "W/")
	text, ok = strings.CutPrefix(text, `"`)
	if !ok {
		return tag, "", false
	}
	tag.opaque, rest, ok = strings.Cut(text, `"`)
	invalid := func(c rune) bool { return c <= ' ' || c > '~' }
	if !ok || strings.ContainsFunc(tag.opaque, invalid) {
		return tag, "", false
	}
	rest = strings.TrimLeft(rest, " \t")
	return tag, rest, rest == "" || rest[0] == ','
}

func skipCommas(text string) string { return strings.TrimLeft(text, ", \t") }

// The ways to compare entity tags (RFC 9110, 8.8.3.2): the last argument of match.
const (
	weakly   = true
	strongly = false
)

// match reports whether one of the tags matches current; * matches every resource that exists. The weak comparison ignores W/; the strong
// one never accepts a tag with it.
func (t *entityTags) match(current Validators, weak bool) bool {
	if t.any {
		return !current.absent
	}
	return current.Tag != "" && slices.ContainsFunc(t.tags, func(tag entityTag) bool {
		return tag.opaque == current.Tag && (weak || !tag.weak)
	})
}

// onlyVersion returns the tags cut at their first hyphen.
func (t *entityTags) onlyVersion() *entityTags {
	if t == nil {
		return nil
	}
	cut := &entityTags{any: t.any}
	for _, tag := range t.tags {
		tag.opaque, _, _ = strings.Cut(tag.opaque, "-")
		cut.tags = append(cut.tags, tag)
	}
	return cut
}

func (t *entityTags) String() string {
	if t.any {
		return "*"
	}
	texts := make([]string, 0, len(t.tags))
	for _, tag := range t.tags {
		text := `"` + tag.opaque + `"`
		if tag.weak {
			text = "W/" + text
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

// VersionTag returns the entity tag of a resource: the version and, after a hyphen, numbers that change while the version stays
// the same (such as stock), joined by dots: 3-5.2.1.
func VersionTag(version int, others ...int) string {
	tag := strconv.Itoa(version)
	for i, other := range others {
		separator := "."
		if i == 0 {
			separator = "-"
		}
		tag += separator + strconv.Itoa(other)
	}
	return tag
}
