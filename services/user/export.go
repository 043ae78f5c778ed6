package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/invoke"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// exportTimeout is the time limit of an export: less than that of the gateway's call.
const exportTimeout = 9 * time.Second

// maxAccount is the size of the largest account and profile in an export in bytes. Most of it are the sessions, at most 1000.
const maxAccount = 128 << 10

// export is all data held on a person. Auth and order add their parts unchanged.
type export struct {
	ExportedAt time.Time       `json:"exportedAt"`
	Profile    profileResponse `json:"profile"`
	accountExport
	Orders     []json.RawMessage `json:"orders"`
	NextCursor string            `json:"nextCursor,omitempty"` // of the next part, which has further orders
}

// accountExport is auth's part.
type accountExport struct {
	Account  json.RawMessage `json:"account"`
	Sessions json.RawMessage `json:"sessions"`
}

// exportOwnData returns all data held on the caller, complete or not at all. A long history of orders comes in several parts, with a page
// of orders each.
func (s service) exportOwnData(w http.ResponseWriter, r *http.Request) error {
	ctx, bearer := r.Context(), r.Header.Get("Authorization")
	profile, err := s.documents.Get(ctx, token.From(ctx).Subject)
	if fault.Is(err, fault.KindNotFound) || err == nil && profile.Status != Active {
		return noProfile()
	}
	if err != nil {
		return err
	}
	if err := rest.AwaitLargeResponse(ctx, rest.MaxPage+maxAccount); err != nil {
		return err
	}
	all := export{ExportedAt: s.now(), Profile: toResponse(profile)}
	if all.accountExport, err = invoke.Get[accountExport](ctx, s.invoke, "auth", "/export/account", bearer); err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(rest.MaxLimit)}}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	orders, err := invoke.Get[rest.List[json.RawMessage]](ctx, s.invoke, "order", "/export/orders?"+query.Encode(), bearer)
	if err != nil {
		return err
	}
	all.Orders, all.NextCursor = orders.Items, orders.NextCursor
	w.Header().Set("Content-Disposition", `attachment; filename="comanda-export.json"`)
	return rest.JSON(w, http.StatusOK, all)
}
