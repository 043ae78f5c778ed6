package main

import (
	"embed"
	"net/http"
	"slices"

	"github.com/swaggest/swgui/v5/static"

	"comanda/docs"
	"comanda/services/internal/rest"
)

//go:embed page
var page embed.FS

// openAPIPath is the address of the API's description. It is the only path with a dot.
const openAPIPath = "/openapi.yaml"

// pagePolicy lets the page load its parts from this server, and nothing from any other. Swagger UI draws its icons from data: URLs.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// documentation returns the routes of the API's description: the document, and a page that renders it. The page's program is Swagger UI 5
// (Apache License 2.0), from a Go module, so that it works without a network.
func documentation() []rest.Route {
	files := map[string]rest.File{
		openAPIPath:         rest.NewFile("application/yaml; charset=utf-8", docs.OpenAPI),
		"/docs":             pageFile("text/html; charset=utf-8", "index.html"),
		"/docs/page-script": pageFile("text/javascript; charset=utf-8", "page.js"),
		"/docs/page-style":  pageFile("text/css; charset=utf-8", "page.css"),
		"/docs/script":      swaggerFile("text/javascript; charset=utf-8", "swagger-ui-bundle.js.gz"),
		"/docs/style":       swaggerFile("text/css; charset=utf-8", "swagger-ui.css.gz"),
		"/docs/icon":        rest.NewFile("image/png", mustRead(static.FS, "favicon-32x32.png")),
	}
	var routes []rest.Route
	for path, file := range files {
		handle := rest.Handler(file.Serve)
		if path == "/docs" {
			handle = func(w http.ResponseWriter, r *http.Request) error {
				w.Header().Set("Content-Security-Policy", pagePolicy)
				return file.Serve(w, r)
			}
		}
		routes = append(routes, rest.Route{Method: http.MethodGet, Path: path, Access: rest.Tokenless, Handle: handle})
	}
	slices.SortFunc(routes, func(a, b rest.Route) int { return len(a.Path) - len(b.Path) })
	return routes
}

func pageFile(contentType, name string) rest.File {
	return rest.NewFile(contentType, mustRead(page, "page/"+name))
}

func swaggerFile(contentType, name string) rest.File {
	file, err := rest.NewCompressedFile(contentType, mustRead(static.FS, name))
	if err != nil { // cannot happen: the file is part of the program
		panic(err)
	}
	return file
}

// mustRead reads a file that is part of the program.
func mustRead(files embed.FS, name string) []byte {
	content, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return content
}
