package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// exportTimeout is the time limit of an export: less than that of the gateway's call.
const exportTimeout = 9 * time.Second

const (
	// maxExports bounds the exports in progress. Each takes about 1.5 MiB: four times a page of orders and the sessions, 128 KiB at most.
	maxExports = 8
	// exportRetry is the Retry-After of an export that is refused.
	exportRetry = 2 * time.Second
)

// newExports returns the bound of the exports in progress. Each account may have one, because an export makes three services work.
func newExports() *rest.Quota { return rest.NewQuota(maxExports, 1) }

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
	ctx, bearer, account := r.Context(), r.Header.Get("Authorization"), token.From(r.Context()).Subject
	switch err := s.exports.Take(account, 1); {
	case errors.Is(err, rest.ErrQuotaShare):
		return fault.Limited(exportRetry, "an export of your data is in progress: wait for its answer")
	case err != nil:
		return fault.Shed(exportRetry, "too many exports are in progress: try again in a few seconds")
	}
	defer s.exports.Return(account, 1)
	profile, err := s.documents.Get(ctx, account)
	if fault.Is(err, fault.KindNotFound) || err == nil && profile.Status != Active {
		return noProfile()
	}
	if err != nil {
		return err
	}
	all := export{ExportedAt: s.now(), Profile: toResponse(profile)}
	if all.accountExport, err = rest.Get[accountExport](ctx, s.invoker, "auth", "/export/account", bearer); err != nil {
		return err
	}
	query := url.Values{"limit": {strconv.Itoa(rest.MaxLimit)}}
	if cursor := r.URL.Query().Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	orders, err := rest.Get[rest.List[json.RawMessage]](ctx, s.invoker, "order", "/export/orders?"+query.Encode(), bearer)
	if err != nil {
		return err
	}
	all.Orders, all.NextCursor = orders.Items, orders.NextCursor
	w.Header().Set("Content-Disposition", `attachment; filename="comanda-export.json"`)
	return rest.Unversioned(w, r, all)
}
