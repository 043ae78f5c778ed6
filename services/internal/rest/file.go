package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// File is a fixed document of any media type.
type File struct {
	contentType string
	body        []byte
	tag         string
}

// NewFile returns a file. Its entity tag is a hash of its content.
func NewFile(contentType string, body []byte) File { return File{contentType, body, hashTag(body)} }

// Serve writes the file.
func (f File) Serve(w http.ResponseWriter, r *http.Request) error {
	return writeValidated(w, r, http.StatusOK, Validators{Tag: f.tag}, f.contentType, f.body)
}

// hashTag returns the entity tag of a document without a version.
func hashTag(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:12])
}
