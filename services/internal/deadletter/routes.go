package deadletter

import (
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// Routes returns the API of the service's letters. The gateway joins the letters of all services. Only the gateway may call these routes,
// because it first asks auth whether the admin's account is still an admin's.
func (l *Letters) Routes() []rest.Route {
	const gateway = "gateway"
	admin := rest.Only(token.Admin)
	return []rest.Route{
		{Method: http.MethodGet, Path: "/dead-letters", Caller: gateway, Access: admin, Handle: l.list, Query: []string{"topic", "limit", "before"}},
		{Method: http.MethodGet, Path: "/dead-letters/{id}", Caller: gateway, Access: admin, Handle: l.show},
		{Method: http.MethodPost, Path: "/dead-letters/{id}/replay", Caller: gateway, Access: admin, Handle: l.replay},
		{Method: http.MethodPost, Path: "/dead-letters/replay", Caller: gateway, Access: admin, Handle: l.replayAll, Body: rest.SmallBody},
		{Method: http.MethodDelete, Path: "/dead-letters/{id}", Caller: gateway, Access: admin, Handle: l.remove},
	}
}

// Before returns the query parameter before for the page that follows a letter with this time and id.
func Before(at time.Time, id string) string { return at.UTC().Format(time.RFC3339Nano) + "," + id }

// list returns a page of the letters that have not ended, newest first, and one letter more if there is a next page. The query
// parameter before (Before) names the last letter of the previous page.
func (l *Letters) list(w http.ResponseWriter, r *http.Request) error {
	var before rest.TimePosition
	if text := r.URL.Query().Get("before"); text != "" {
		at, id, _ := strings.Cut(text, ",")
		parsed, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || !validate.IsUUID(id) {
			return fault.Malformed("before must be a time and an id")
		}
		before = rest.TimePosition{At: parsed, ID: id}
	}
	var unused rest.TimePosition
	page, err := rest.Cursors{}.Page(r, nil, &unused) // reads limit; this list has no cursor
	if err != nil {
		return err
	}
	letters, err := l.page(r.Context(), r.URL.Query().Get("topic"), before, page.Limit+1)
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, rest.List[Letter]{Items: append([]Letter{}, letters...)})
}

// letterID returns the id in the path, or NotFound if no letter of this service can have it.
func (l *Letters) letterID(r *http.Request) (string, error) {
	id := rest.Param(r, "id")
	if ServiceOf(id) != l.service {
		return "", fault.NotFound("dead letter %.50s does not exist", id)
	}
	return id, nil
}

// show returns one letter with its payload. Each read of a payload is audited.
func (l *Letters) show(w http.ResponseWriter, r *http.Request) error {
	id, err := l.letterID(r)
	if err != nil {
		return err
	}
	if err := rest.AwaitLargeResponse(r.Context(), maxShown); err != nil {
		return err
	}
	letter, err := l.find(r.Context(), id)
	if err != nil {
		return err
	}
	if err := l.recordRead(r.Context(), letter); err != nil {
		return err
	}
	return rest.Document(w, r, letter)
}

// replay makes the letter due, so that it is replayed within a second. The response is the letter as it is now, without its payload.
func (l *Letters) replay(w http.ResponseWriter, r *http.Request) error {
	id, err := l.letterID(r)
	if err != nil {
		return err
	}
	if err := rest.RefuseBody(w, r); err != nil {
		return err
	}
	if _, err := l.requestReplay(r.Context(), "id = @id", pgx.NamedArgs{"id": id}); err != nil {
		return err
	}
	letter, err := l.find(r.Context(), id)
	if err != nil {
		return err
	}
	letter.Payload, letter.PayloadBase64 = nil, nil
	return rest.JSON(w, http.StatusAccepted, letter)
}

// Requested is the response to a request to replay many letters.
type Requested struct {
	Requested int `json:"requested"` // how many letters the request made due
}

// replayAll makes all letters due, or those of one topic, up to maxRequested.
func (l *Letters) replayAll(w http.ResponseWriter, r *http.Request) error {
	var request struct {
		Topic string `json:"topic"`
	}
	if err := rest.DecodeOptional(w, r, &request); err != nil {
		return err
	}
	condition := "true"
	if request.Topic != "" {
		condition = "topic = @topic"
	}
	requested, err := l.requestReplay(r.Context(), condition, pgx.NamedArgs{"topic": request.Topic})
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusAccepted, Requested{requested})
}

// remove discards a letter.
func (l *Letters) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := l.letterID(r)
	if err != nil {
		return err
	}
	if err := l.discard(r.Context(), id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
