package main

import (
	"net/http"

	"comanda/services/internal/rest"
)

// validators identify p as its reader sees it: its version, and the stock, which changes without the version. Customers and staff see
// different stock, so their entity tags differ. There is no date, because UpdatedAt does not change with the stock.
func (p Product) validators() rest.Validators {
	if p.Reserved == nil {
		return rest.Validators{Tag: rest.VersionTag(p.Version, p.Available)}
	}
	return rest.Validators{Tag: rest.VersionTag(p.Version, p.Available, *p.Reserved, *p.Sold)}
}

// writeProduct writes a product with its entity tag. Content-Location names the resource's own path, which can
// differ from the request's.
func writeProduct(w http.ResponseWriter, r *http.Request, status int, p Product) error {
	w.Header().Set("Content-Location", publicPath(p.ID))
	return rest.Resource(w, r, status, p.validators(), p)
}

// publicPath returns the path of a product in the public API.
func publicPath(id string) string { return "/api/v1/products/" + id }

// guard decides whether a product may be changed. It sees the product while it is locked.
type guard func(Product) error

// stockGuard is for a change of the stock: the whole entity tag has to match.
func stockGuard(r *http.Request) guard {
	return func(p Product) error { return rest.PreconditionOf(r).Check(p.validators()) }
}

// fieldsGuard is for a change of the fields: only the version in the entity tag has to match, because the request does not touch the
// stock, which may have changed since the client read the product.
func fieldsGuard(r *http.Request) guard {
	return func(p Product) error {
		return rest.PreconditionOf(r).OnlyVersion().Check(rest.Validators{Tag: rest.VersionTag(p.Version)})
	}
}

// check calls all guards.
func check(guards []guard, p Product) error {
	for _, allows := range guards {
		if err := allows(p); err != nil {
			return err
		}
	}
	return nil
}
