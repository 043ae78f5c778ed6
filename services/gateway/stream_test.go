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
	runInBubbles(t, map[string]func(t *testing.T){
		"it begins with the present and ends with the last": func(t *testing.T) {
			s := startStream(t, 2, nil)
			s.want("2")
			for v := 3; v <= 6; v++ {
				s.deliver(v)
			}
			s.want("2 3 4 5 6")
			s.wantEnd()
			if s.asked != 0 {
				t.Errorf("asked the history %d times for nothing", s.asked)
			}
		},
		"an order that has ended is shown and closed": func(t *testing.T) {
			s := startStream(t, 6, nil)
			s.want("6")
			s.wantEnd()
		},
		"it resumes with every change after the last seen": func(t *testing.T) {
			s := startStream(t, 4, version(1))
			s.want("2 3 4")
			s.leave()
			synctest.Wait()
			s.wantEnd()
		},
		"resuming from nothing shows all": func(t *testing.T) {
			s := startStream(t, 6, version(0))
			s.want("1 2 3 4 5 6")
			s.wantEnd()
		},
		"an id from the future hides nothing that comes": func(t *testing.T) {
			s := startStream(t, 2, version(99))
			s.deliver(3)
			s.want("3")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamShowsEachChangeOnceAndInOrder(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"duplicates are shown once": func(t *testing.T) {
			s := startStream(t, 2, nil)
			for _, v := range []int{1, 2, 3, 3, 2, 3, 4, 4} {
				s.deliver(v)
			}
			s.want("2 3 4")
			s.leave()
			<-s.ended
		},
		"an overtaken event is shown in its place": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.growTo(4)
			s.deliver(4)
			s.want("1 2 3 4")
			s.deliver(2)
			s.deliver(3)
			s.want("1 2 3 4")
			s.deliver(5)
			s.want("1 2 3 4 5")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamMissesNothing(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"a young stream looks by itself: its gateway may not hear anything yet": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.growTo(3)
			s.advance(time.Second)
			s.want("1 2 3")
			s.leave()
			<-s.ended
		},
		"a lost event is found at the next heartbeat": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.advance(15 * time.Second)
			s.growTo(3)
			s.advance(14 * time.Second)
			s.want("1 :")
			s.advance(time.Second)
			s.want("1 : : 2 3")
			s.leave()
			<-s.ended
		},
		"a lost last event ends the stream all the same": func(t *testing.T) {
			s := startStream(t, 5, nil)
			s.advance(15 * time.Second)
			s.growTo(6)
			s.advance(15 * time.Second)
			s.want("5 : : 6")
			s.wantEnd()
		},
		"a gap while order is away is filled when it is back": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.growTo(3)
			s.failWith(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.deliver(3)
			s.want("1")
			s.advance(3 * time.Second)
			s.failWith(nil)
			s.advance(time.Second)
			s.want("1 2 3")
			s.leave()
			<-s.ended
		},
		"order away at a heartbeat ends nothing": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.failWith(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.advance(31 * time.Second)
			s.want("1 : :")
			s.failWith(nil)
			s.deliver(2)
			s.want("1 : : 2")
			s.leave()
			<-s.ended
		},
	})
}

func TestAStreamLivesAndEnds(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"a comment every 15 s": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.advance(46 * time.Second)
			s.want("1 : : :")
			s.leave()
			<-s.ended
		},
		"whom order refuses is shown no more": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.failWith(refusal{serviceResponse{status: http.StatusForbidden}})
			s.advance(15 * time.Second)
			s.wantEnd()
		},
		"stopping ends it with a hint to come back": func(t *testing.T) {
			s := startStream(t, 1, nil)
			close(s.stopping)
			synctest.Wait()
			s.want("1 retry")
			s.wantEnd()
		},
		"a client that is gone ends it": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.page.mu.Lock()
			s.page.gone = true
			s.page.mu.Unlock()
			s.deliver(2)
			s.wantEnd()
		},
	})
}
