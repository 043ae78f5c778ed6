package rest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

// File is a document that never changes while the process runs, such as a page.
type File struct {
	contentType       string
	plain, compressed []byte
	tag               string
}

// NewFile returns a file that is sent as it is.
func NewFile(contentType string, content []byte) File {
	sum := sha256.Sum256(content)
	return File{contentType: contentType, plain: content, tag: hex.EncodeToString(sum[:12])}
}

// NewCompressedFile returns a file from its gzip form, which is sent to the clients that accept it.
func NewCompressedFile(contentType string, compressed []byte) (File, error) {
	reader, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return File{}, err
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		return File{}, err
	}
	f := NewFile(contentType, plain)
	f.compressed = compressed
	return f, nil
}

// Serve is a Handler that sends the file. Its entity tag is a hash of its content and names the encoding (RFC 9110, 8.8.3.3).
func (f File) Serve(w http.ResponseWriter, r *http.Request) error {
	body, tag := f.plain, f.tag
	if f.compressed != nil {
		AddVary(w.Header(), "Accept-Encoding")
		if acceptsGzip(r.Header.Values("Accept-Encoding")) {
			body, tag = f.compressed, f.tag+"-gzip"
			w.Header().Set("Content-Encoding", "gzip")
		}
	}
	err := writeValidated(w, r, http.StatusOK, Validators{Tag: tag}, f.contentType, body)
	if err != nil {
		w.Header().Del("Content-Encoding")
	}
	return err
}

// acceptsGzip reports whether the values of Accept-Encoding name gzip, with a weight that is not 0 (RFC 9110, 12.5.3).
func acceptsGzip(values []string) bool {
	for coding := range strings.SplitSeq(strings.ToLower(strings.Join(values, ",")), ",") {
		name, weight, weighted := strings.Cut(coding, ";")
		_, value, _ := strings.Cut(weight, "q=")
		refused := weighted && strings.Trim(value, " 0.") == ""
		if strings.TrimSpace(name) == "gzip" && !refused {
			return true
		}
	}
	return false
}
