package openapi

import (
	"net/http"
	"strings"
)

// has reports whether the document has the operation of a request. HEAD belongs to GET.
func (d *Document) has(request *http.Request) bool {
	method := strings.ToLower(request.Method)
	if method == "head" {
		method = "get"
	}
	for path, item := range d.model.Paths.PathItems.FromOldest() {
		if matches(path, request.URL.EscapedPath()) && item.GetOperations().GetOrZero(method) != nil {
			return true
		}
	}
	return false
}

// matches reports whether path is one of a template's paths. A parameter is one segment. An own segment, as in /users/me, also
// matches the parameter of another template, which does no harm here.
func matches(template, path string) bool {
	want, got := strings.Split(template, "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && (!strings.HasPrefix(want[i], "{") || got[i] == "") {
			return false
		}
	}
	return true
}
