// Package docs embeds the contract of the HTTP API, and a page that shows it to developers. The page is Swagger UI, and it works
// without any other server.
package docs

import (
	"bytes"
	"compress/gzip"
	"embed"
	"io"
	"io/fs"

	"github.com/swaggest/swgui/v5/static"
)

// OpenAPI is the document openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

//go:embed page
var page embed.FS

// Page returns the HTML of the page, which refers to Files.
func Page() []byte { return mustRead(page, "page/index.html") }

// Files returns the other files of the page by name.
func Files() map[string][]byte {
	return map[string][]byte{
		"start.js":             mustRead(page, "page/start.js"),
		"LICENSE":              mustRead(page, "page/LICENSE"), // of Swagger UI
		"swagger-ui.css":       mustUnzip(static.FS, "swagger-ui.css.gz"),
		"swagger-ui-bundle.js": mustUnzip(static.FS, "swagger-ui-bundle.js.gz"),
		"icon.png":             mustRead(static.FS, "favicon-32x32.png"),
	}
}

func mustRead(files fs.FS, name string) []byte {
	content, err := fs.ReadFile(files, name)
	if err != nil { // cannot happen: the files are embedded
		panic(err)
	}
	return content
}

// mustUnzip reads a file that is embedded in its gzip form.
func mustUnzip(files fs.FS, name string) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(mustRead(files, name)))
	if err != nil { // cannot happen, as above
		panic(err)
	}
	content, err := io.ReadAll(reader)
	if err != nil {
		panic(err)
	}
	return content
}
