package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"comanda/infra/process"
)

// mainRun is the name of the `dapr run` that starts the whole system.
const mainRun = "dapr"

// part is a service or a sidecar as `dapr run` started it: found among its
// children, heard by the log file the CLI writes for it.
type part struct {
	app     app
	sidecar bool
	place   place
	report  *reporter
	process process.Identity
	before  string // the newest log file of an earlier run
	path    string // of the CLI's log file, once it is there
	read    int64  // how much of that was read
	lines   *lineWriter
	ended   bool
	missed  time.Time // since when the process is not there
	because string    // how the CLI said that it ended
}

// lastWords is how long the CLI may take to pass on what a part said at its end, and how it ended.
const lastWords = time.Second

func newPart(p place, console *console, a app, sidecar bool) *part {
	one := &part{app: a, sidecar: sidecar, place: p}
	one.report = &reporter{console: console, who: one.name(), file: p.relative(p.log(one.logName()))}
	one.lines = &lineWriter{line: one.line}
	one.before = one.newestLog()
	return one
}

// name is what people call it.
func (p *part) name() string {
	if p.sidecar {
		return p.app.ID + " sidecar"
	}
	return p.app.ID
}

func (p *part) logName() string { return strings.ReplaceAll(p.name(), " ", "-") }

// record is where its identity is written down for the next run.
func (p *part) record() string {
	return filepath.Join(p.place.processes(), p.logName()+".json")
}

// is says whether a child of the CLI is this part.
func (p *part) is(child process.Child) bool {
	program := filepath.Base(child.Args[0])
	if !p.sidecar {
		return program == p.app.ID
	}
	i := slices.Index(child.Args, "--app-id")
	return program == "daprd" && i >= 0 && i+1 < len(child.Args) && child.Args[i+1] == p.app.ID
}

// found notes which process this part is.
func (p *part) found(id process.Identity) error {
	if p.process == id {
		return nil
	}
	id.Name = p.name()
	p.process = id
	return process.Record(p.record(), id)
}

// gone says, once, that the process is not there any more, and that all it said has been heard.
func (p *part) gone() bool {
	if p.ended || p.because == "" && (p.process.PID == 0 || p.process.Alive()) {
		return false
	}
	if p.missed.IsZero() {
		p.missed = time.Now()
	}
	// The CLI passes on what a part said, and how it ended, each when it comes to it.
	if (p.because == "" || len(p.report.recent) == 0) && time.Since(p.missed) < lastWords {
		return false
	}
	p.ended = true
	return true
}

// failed says whether this is a service that ended by itself, and badly.
func (p *part) failed() bool {
	p.listen()
	p.lines.flush()
	return !p.sidecar && strings.Contains(p.because, "exit status") && p.because != "exit status 0"
}

// listen reads what was added to the log file since the last time. The CLI
// names the file by the time of its start, so the newest is the one.
func (p *part) listen() {
	if p.path == "" && !p.open() {
		return
	}
	file, err := os.Open(p.path)
	if err != nil {
		return
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(p.read, io.SeekStart); err != nil {
		return
	}
	added, err := io.Copy(p.lines, file)
	p.read += added
	if err != nil {
		p.path = ""
	}
}

// newestLog is the CLI's latest log file of this part, of whatever run.
func (p *part) newestLog() string {
	kind := "_app_"
	if p.sidecar {
		kind = "_daprd_"
	}
	files, _ := filepath.Glob(filepath.Join(p.place.runLogs(), p.app.ID+kind+"*.log"))
	if len(files) == 0 {
		return ""
	}
	return slices.Max(files)
}

func (p *part) open() bool {
	newest := p.newestLog()
	if newest == p.before {
		return false
	}
	p.path = newest
	// logs/order.log is always the present one.
	link := p.place.log(p.logName())
	target, err := filepath.Rel(filepath.Dir(link), p.path)
	if err == nil && remove(link) == nil {
		_ = os.Symlink(target, link)
	}
	return true
}

// line takes off what the CLI put before it, and listens for the CLI's own
// word that the program ended.
func (p *part) line(text string) {
	if _, rest, found := strings.Cut(text, "== APP - "+p.app.ID+" == "); found {
		text = rest
	}
	if strings.Contains(text, "termination signal received: shutting down") {
		// The CLI ends, and all of its parts with it: it is the one to be named.
		p.ended = true
		return
	}
	for _, end := range []string{"process exited with error code: ", "Exited App successfully", "Exited Dapr successfully"} {
		if _, code, found := strings.Cut(text, end); found {
			if p.because = code; code == "" {
				p.because = "exit status 0"
			}
			return
		}
	}
	p.report.line(text)
}
