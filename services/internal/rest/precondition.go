package rest

import (
	"context"
	"net/http"
	"time"

	"comanda/services/internal/fault"
)

// Validators identify the current version of a resource (RFC 9110, 8.8).
type Validators struct {
	Tag      string    // a strong entity tag, without its quotes; "" when the resource has none
	Modified time.Time // when the resource changed last; zero when that is not known

	absent bool // there is nothing to read at this address
}

// Precondition holds the conditional headers of a request (RFC 9110, 13). The zero value has no condition.
type Precondition struct {
	match, noneMatch               *entityTags // nil without the header
	modifiedSince, unmodifiedSince time.Time   // zero without the header, or when it is not a date
}

type preconditionKey struct{}

// PreconditionOf returns the precondition of r. The router has refused malformed headers.
func PreconditionOf(r *http.Request) Precondition {
	p, _ := r.Context().Value(preconditionKey{}).(Precondition)
	return p
}

// withPrecondition returns a context with r's precondition, or Malformed if a header is no list of entity tags. It evaluates the
// precondition of an unsafe request here unless route is Versioned: a resource without a version has no entity tag that could match.
func withPrecondition(ctx context.Context, r *http.Request, route Route, readable bool) (context.Context, error) {
	p, err := parsePrecondition(r.Header)
	if err != nil {
		return nil, err
	}
	if route.Method != http.MethodGet && !route.Versioned {
		if err := p.Check(Validators{absent: !readable}); err != nil {
			return nil, err
		}
	}
	return context.WithValue(ctx, preconditionKey{}, p), nil
}

// parsePrecondition reads the conditional headers. It returns Malformed for wrong entity tags, and ignores wrong dates.
func parsePrecondition(header http.Header) (p Precondition, err error) {
	if p.match, err = parseEntityTags(header, "If-Match"); err != nil {
		return p, err
	}
	if p.noneMatch, err = parseEntityTags(header, "If-None-Match"); err != nil {
		return p, err
	}
	if p.match == nil { // an entity tag is more exact than a date, which is ignored beside it
		p.unmodifiedSince = parseDate(header, "If-Unmodified-Since")
	}
	if p.noneMatch == nil {
		p.modifiedSince = parseDate(header, "If-Modified-Since")
	}
	return p, nil
}

// parseDate returns the date in a header. A field that is not one date has to be ignored (RFC 9110, 13.1.3).
func parseDate(header http.Header, name string) time.Time {
	if values := header.Values(name); len(values) == 1 {
		if date, err := http.ParseTime(values[0]); err == nil {
			return date
		}
	}
	return time.Time{}
}

// CopyTo sets the headers of p, normalised, in another request.
func (p Precondition) CopyTo(header http.Header) {
	for name, tags := range map[string]*entityTags{"If-Match": p.match, "If-None-Match": p.noneMatch} {
		if tags != nil {
			header.Set(name, tags.String())
		}
	}
	for name, date := range map[string]time.Time{"If-Unmodified-Since": p.unmodifiedSince, "If-Modified-Since": p.modifiedSince} {
		if !date.IsZero() {
			header.Set(name, date.UTC().Format(http.TimeFormat))
		}
	}
}

// OnlyVersion returns p with its entity tags cut at the first hyphen, so that only the version before it is compared. It is for a request
// that does not touch the part of the resource behind the rest of the tag.
func (p Precondition) OnlyVersion() Precondition {
	p.match, p.noneMatch = p.match.onlyVersion(), p.noneMatch.onlyVersion()
	return p
}

// Check evaluates the precondition of an unsafe request. Call it where no other writer can change the resource: inside the
// transaction, or the function given to document.Change. The error is a 412.
func (p Precondition) Check(current Validators) error {
	if err := p.checkMatch(current); err != nil {
		return err
	}
	if p.noneMatch != nil && p.noneMatch.match(current, weakly) {
		return failed("If-None-Match", current)
	}
	return nil
}

// CheckUnversioned evaluates the precondition of a GET of something without an entity tag: If-Match with a tag is a 412.
func (p Precondition) CheckUnversioned() error { return p.checkMatch(Validators{}) }

// checkMatch evaluates the conditions that apply to every method.
func (p Precondition) checkMatch(current Validators) error {
	switch {
	case p.match != nil && !p.match.match(current, strongly):
		return failed("If-Match", current)
	case !p.unmodifiedSince.IsZero() && !current.Modified.IsZero() && current.lastModified().After(p.unmodifiedSince):
		return failed("If-Unmodified-Since", current)
	}
	return nil
}

// notModified evaluates the conditions of a GET: true means 304.
func (p Precondition) notModified(current Validators) bool {
	if p.noneMatch != nil {
		return p.noneMatch.match(current, weakly)
	}
	return !p.modifiedSince.IsZero() && !current.Modified.IsZero() && !current.lastModified().After(p.modifiedSince)
}

// failed returns the 412 for the condition in header.
func failed(header string, current Validators) error {
	message := header + " does not hold: nothing was changed"
	if current.Tag != "" {
		message += `; the ETag is now "` + current.Tag + `"`
	}
	return &fault.Error{Kind: fault.KindPrecondition, Message: message}
}

// lastModified rounds Modified up to the seconds of HTTP. If it rounded down, two changes within a second would have the same date, and a
// client that had read the first would never see the second.
func (v Validators) lastModified() time.Time {
	return v.Modified.Add(time.Second - 1).Truncate(time.Second)
}
