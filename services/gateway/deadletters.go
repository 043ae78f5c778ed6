package main

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"comanda/services"
	"comanda/services/internal/deadletter"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// byAdmin guards the calls with which admins read personal data, or act on dead letters, which may hold such data. It first asks auth for
// the caller's account. The token of an admin who was demoted or suspended is still valid for minutes, but auth refuses it. The calls that
// auth serves need no guard.
func (g *gateway) byAdmin(handle rest.Handler) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
		defer cancel()
		account := invocation{app: "auth", method: http.MethodGet, path: "/auth/accounts/" + token.From(r.Context()).Subject, header: http.Header{}}
		copyCredentials(r, account.header)
		response, err := g.invokeBounded(ctx, g.clients.address(r).String(), account)
		if err != nil {
			return err
		}
		if response.problem {
			return response.writeTo(w, r)
		}
		return handle(w, r)
	}
}

// oneLetter forwards a call about one dead letter to the service that stores it, which the id names.
func (g *gateway) oneLetter(c call) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := idParam(r, "id")
		if err != nil {
			return err
		}
		if c.app = deadletter.ServiceOf(id); c.app == "" {
			return fault.NotFound("dead letter %s does not exist", id)
		}
		return g.forward(c)(w, r)
	}
}

// listedLetter is a dead letter as its service sent it, with its position in the list.
type listedLetter struct {
	position rest.TimePosition
	raw      json.RawMessage
}

// MarshalJSON implements json.Marshaler.
func (l listedLetter) MarshalJSON() ([]byte, error) { return l.raw, nil }

// UnmarshalJSON implements json.Unmarshaler.
func (l *listedLetter) UnmarshalJSON(raw []byte) error {
	var letter struct {
		ID string
		At time.Time
	}
	err := json.Unmarshal(raw, &letter)
	l.position, l.raw = rest.TimePosition{At: letter.At, ID: letter.ID}, slices.Clone(raw)
	return err
}

// newestFirst compares two letters by their positions, for a list that begins with the newest.
func (l listedLetter) newestFirst(other listedLetter) int {
	if order := other.position.At.Compare(l.position.At); order != 0 {
		return order
	}
	return strings.Compare(other.position.ID, l.position.ID)
}

// listLetters merges the lists of all services, or serves the list of one service. If a service does not answer, the response is a 503
// that names the service; with ?service= the client can still list the others.
func (g *gateway) listLetters(call) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		query, err := filterQuery(r, []string{"topic", "service"})
		if err != nil {
			return err
		}
		apps, err := letterServices(query.Get("service"))
		if err != nil {
			return fault.Malformed("%v", err)
		}
		var after rest.TimePosition
		page, err := g.cursors.Page(r, query, &after)
		if err != nil {
			return err
		}
		ask := url.Values{"limit": {strconv.Itoa(page.Limit)}}
		if topic := query.Get("topic"); topic != "" {
			ask.Set("topic", topic)
		}
		if page.Later {
			ask.Set("before", deadletter.Before(after.At, after.ID))
		}
		lists, err := askServices[rest.List[listedLetter]](r, g, apps, invocation{method: http.MethodGet, path: "/dead-letters", query: ask})
		if err != nil {
			return err
		}
		var all []listedLetter
		for _, list := range lists {
			all = append(all, list.Items...)
		}
		slices.SortFunc(all, listedLetter.newestFirst)
		return rest.Document(w, r, rest.Paged(page, all, len(all) > page.Limit, func(l listedLetter) encoding.BinaryMarshaler { return l.position }))
	}
}

// replayLetters makes dead letters due in all services, or only those of one topic or service.
func (g *gateway) replayLetters(call) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var request struct {
			Topic   string `json:"topic,omitempty"`
			Service string `json:"service,omitempty"`
		}
		if err := rest.DecodeOptional(w, r, &request); err != nil {
			return err
		}
		apps, err := letterServices(request.Service)
		if err != nil {
			return fault.Wrong("service", "%v", err)
		}
		request.Service = "" // was for the choice above; the services do not know this member
		body, err := json.Marshal(request)
		if err != nil {
			return err
		}
		in := invocation{method: http.MethodPost, path: "/dead-letters/replay", body: body}
		counts, err := askServices[deadletter.Requested](r, g, apps, in)
		if err != nil {
			return err
		}
		var sum deadletter.Requested
		for _, count := range counts {
			sum.Requested += count.Requested
		}
		return rest.JSON(w, http.StatusAccepted, sum)
	}
}

// letterServices returns service, which a request names, or all services with dead letters if it names none.
func letterServices(service string) ([]string, error) {
	switch {
	case service == "":
		return services.Stateful, nil
	case slices.Contains(services.Stateful, service):
		return []string{service}, nil
	}
	return nil, errors.New("service must be auth, user, order or product")
}

// askServices sends a request to several services at the same time, with r's credentials, and decodes their responses. It fails if one of
// them fails.
func askServices[T any](r *http.Request, g *gateway, apps []string, in invocation) ([]T, error) {
	ctx, cancel := context.WithTimeout(r.Context(), callTimeout)
	defer cancel()
	in.header = http.Header{}
	copyCredentials(r, in.header)
	in.header.Set(rest.ClientHeader, g.clients.address(r).String())
	answers, errs := make([]T, len(apps)), make([]error, len(apps))
	var all sync.WaitGroup
	if in.method == http.MethodGet { // as in forward; ReserveResponse is not for concurrent use
		var reserving sync.Mutex
		in.reserve = func(size int) error {
			reserving.Lock()
			defer reserving.Unlock()
			return rest.ReserveResponse(r.Context(), size)
		}
	}
	for i, app := range apps {
		to := in
		to.app = app
		all.Go(func() {
			response, err := g.invokeBounded(ctx, in.header.Get(rest.ClientHeader), to)
			if err == nil && response.problem {
				err = rest.NoAnswer(app, fmt.Errorf("%d: %.300s", response.status, response.body))
			}
			if err == nil {
				err = json.Unmarshal(response.body, &answers[i])
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs { // the first one: a problem has one message
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}
