package infra

import (
	"io"
	"os"
	"strings"
)

const (
	maxLineLength = 400      // in bytes
	tailSize      = 64 << 10 // in bytes: the part of a log that is searched for its last lines
)

// LastLines returns the last n lines of the log at path after its first `from` bytes. It searches only the last tailSize bytes, cuts
// long lines to maxLineLength, and returns nil if it cannot read the log.
func LastLines(path string, from int64, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-tailSize)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, from, tailSize))
	trimmed := strings.TrimSpace(string(text))
	if err != nil || trimmed == "" {
		return nil
	}
	lines := strings.Split(trimmed, "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = strings.ToValidUTF8(line[:min(len(line), maxLineLength)], "")
	}
	return lines
}
