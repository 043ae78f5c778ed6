package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// nameTheDead says at once which part died, how, and what it said last.
func (s *system) nameTheDead(p *part) {
	s.waitNoMore(p.app.ID)
	p.listen()
	p.lines.flush()
	because := p.because
	if because == "" {
		because = "gone"
	}
	s.console.say(p.name(), "DIED (%s). Its last lines, of %s:", because, p.report.file)
	for _, line := range p.report.recent {
		s.console.text("    " + shorten(line) + "\n")
	}
	s.console.text(fmt.Sprintf("    Start it again beside the rest: make start SERVICE=%s\n", p.app.ID))
}

// neverStarted is the end of a system of which one service could not even start: a setting of its own is wrong, and it would
// be so again. The service's last line says which.
func (s *system) neverStarted(p *part) error {
	p.listen()
	p.lines.flush()
	if len(p.report.recent) == 0 {
		return fmt.Errorf("%s ended at start, and said nothing (%s)", p.name(), p.because)
	}
	return fmt.Errorf("%s (all of it in %s)", p.report.recent[len(p.report.recent)-1], p.report.file)
}

// cliEnded tells a `dapr run` that ended by itself (it could not even start
// its apps) from one whose work was taken over by a later one.
func (s *system) cliEnded(run *daprRun) error {
	if slices.ContainsFunc(run.parts, func(p *part) bool { return !p.ended && p.process.Alive() }) {
		return fmt.Errorf("dapr run ended and left its apps behind: ending them")
	}
	run.said.flush()
	if failed := slices.IndexFunc(run.parts, (*part).failed); failed >= 0 && !s.greeted {
		return s.neverStarted(run.parts[failed]) // the CLI gives up when an app does
	}
	why := fmt.Sprintf("dapr run ended (%v): %s (all of it in %s)", run.Err(), strings.Join(run.last, " | "), s.place.relative(s.place.log(run.name)))
	if run.name == mainRun {
		return errors.New(why)
	}
	s.console.say(run.name, "%s", why)
	s.runs = slices.DeleteFunc(s.runs, func(r *daprRun) bool { return r == run })
	return nil
}
