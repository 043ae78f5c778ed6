package infra

import (
	"io"
	"os"
	"strings"
)

const (
	lineWidth = 400
	// tail is how much of a log is read for its last lines, in bytes.
	tail = 64 << 10
)

// LastLines returns the last n lines of a log that were written after its first from bytes, each cut to a readable length.
func LastLines(path string, from int64, n int) []string {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-tail)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, from, tail))
	written := strings.TrimSpace(string(text))
	if err != nil || written == "" {
		return nil
	}
	lines := strings.Split(written, "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = strings.ToValidUTF8(line[:min(len(line), lineWidth)], "")
	}
	return lines
}
