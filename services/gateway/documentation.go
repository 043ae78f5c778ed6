package main

import (
	"mime"
	"net/http"
	"path"
	"strings"

	"comanda/docs"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

// The paths of the documentation.
const (
	documentPath = "/openapi.yaml"
	pagePath     = "/docs"
	pageFolder   = pagePath + "/" // edgeHandler redirects it to the page
)

// pagePolicy lets the page load its own files, read the document and call the API. Swagger UI draws its icons from data URLs.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// documents are the paths of the documentation's files. They may have a dot, unlike all other paths (plainPath).
var documents = documentPaths()

func documentPaths() map[string]bool {
	paths := map[string]bool{documentPath: true}
	for name := range docs.Files() {
		paths[pageFolder+name] = true
	}
	return paths
}

// documentation returns the routes of the API's document and of the page that shows it.
func documentation() []rest.Route {
	document := rest.NewFile("application/yaml", docs.OpenAPI)
	page := rest.NewFile("text/html; charset=utf-8", docs.Page())
	files := map[string]rest.File{}
	for name, content := range docs.Files() {
		files[name] = rest.NewFile(mediaType(name), content)
	}
	return []rest.Route{
		{Method: http.MethodGet, Path: documentPath, Access: rest.Anyone, Handle: document.Serve},
		{Method: http.MethodGet, Path: pagePath, Access: rest.Anyone, Handle: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Security-Policy", pagePolicy)
			return page.Serve(w, r)
		}},
		{Method: http.MethodGet, Path: pageFolder + "{file}", Access: rest.Anyone, Handle: func(w http.ResponseWriter, r *http.Request) error {
			file, ok := files[rest.Param(r, "file")]
			if !ok {
				return fault.NotFound("the page has no such file: GET %s", pagePath)
			}
			return file.Serve(w, r)
		}},
	}
}

// mediaType returns the media type of a file of the page. Unlike mime.TypeByExtension it does not depend on the machine's table of types.
func mediaType(name string) string {
	kinds := map[string]string{".css": "text/css", ".js": "text/javascript", ".png": "image/png"}
	kind, ok := kinds[path.Ext(name)]
	if !ok {
		kind = "text/plain"
	}
	if strings.HasPrefix(kind, "text/") {
		kind = mime.FormatMediaType(kind, map[string]string{"charset": "utf-8"})
	}
	return kind
}
