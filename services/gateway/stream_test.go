package main

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/internal/fault"
)

func TestAStreamBeginsWhereItShall(t *testing.T) {
	play(t, map[string]func(t *testing.T){
		"it begins with the present and ends with the last": func(t *testing.T) {
			s := watching(t, 2, nil)
			s.want("2")
			for v := 3; v <= 6; v++ {
				s.hear(v)
			}
			s.want("2 3 4 5 6")
			s.wantEnd()
			if s.asked != 0 {
				t.Errorf("asked the history %d times for nothing", s.asked)
			}
		},
		"an order that has ended is shown and closed": func(t *testing.T) {
			s := watching(t, 6, nil)
			s.want("6")
			s.wantEnd()
		},
		"it resumes with every change after the last seen": func(t *testing.T) {
			s := watching(t, 4, version(1))
			s.want("2 3 4")
			s.leave()
			synctest.Wait()
			s.wantEnd()
		},
		"resuming from nothing shows all": func(t *testing.T) {
			s := watching(t, 6, version(0))
			s.want("1 2 3 4 5 6")
			s.wantEnd()
		},
		"an id from the future hides nothing that comes": func(t *testing.T) {
			s := watching(t, 2, version(99))
			s.hear(3)
			s.want("3")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamShowsEachChangeOnceAndInOrder(t *testing.T) {
	play(t, map[string]func(t *testing.T){
		"duplicates are shown once": func(t *testing.T) {
			s := watching(t, 2, nil)
			for _, v := range []int{1, 2, 3, 3, 2, 3, 4, 4} {
				s.hear(v)
			}
			s.want("2 3 4")
			s.leave()
			<-s.ended
		},
		"an overtaken event is shown in its place": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(4)
			s.hear(4)
			s.want("1 2 3 4")
			s.hear(2)
			s.hear(3)
			s.want("1 2 3 4")
			s.hear(5)
			s.want("1 2 3 4 5")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamMissesNothing(t *testing.T) {
	play(t, map[string]func(t *testing.T){
		"a young stream looks by itself: its gateway may not hear anything yet": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(3)
			s.pass(time.Second)
			s.want("1 2 3")
			s.leave()
			<-s.ended
		},
		"a lost event is found at the next heartbeat": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.pass(15 * time.Second)
			s.upTo(3)
			s.pass(14 * time.Second)
			s.want("1 :")
			s.pass(time.Second)
			s.want("1 : : 2 3")
			s.leave()
			<-s.ended
		},
		"a lost last event ends the stream all the same": func(t *testing.T) {
			s := watching(t, 5, nil)
			s.pass(15 * time.Second)
			s.upTo(6)
			s.pass(15 * time.Second)
			s.want("5 : : 6")
			s.wantEnd()
		},
		"a gap while order is away is filled when it is back": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(3)
			s.fails(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.hear(3)
			s.want("1")
			s.pass(3 * time.Second)
			s.fails(nil)
			s.pass(time.Second)
			s.want("1 2 3")
			s.leave()
			<-s.ended
		},
		"order away at a heartbeat ends nothing": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.fails(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.pass(31 * time.Second)
			s.want("1 : :")
			s.fails(nil)
			s.hear(2)
			s.want("1 : : 2")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamLivesAndEnds(t *testing.T) {
	play(t, map[string]func(t *testing.T){
		"a comment every 15 s": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.pass(46 * time.Second)
			s.want("1 : : :")
			s.leave()
			<-s.ended
		},
		"whom order refuses is shown no more": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.fails(refusal{answer{status: http.StatusForbidden}})
			s.pass(15 * time.Second)
			s.wantEnd()
		},
		"stopping ends it with a hint to come back": func(t *testing.T) {
			s := watching(t, 1, nil)
			close(s.stopping)
			synctest.Wait()
			s.want("1 retry")
			s.wantEnd()
		},
		"a client that is gone ends it": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.page.mu.Lock()
			s.page.gone = true
			s.page.mu.Unlock()
			s.hear(2)
			s.wantEnd()
		},
	})
}
