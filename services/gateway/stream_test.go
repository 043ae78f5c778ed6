package main

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/internal/fault"
)

func TestStreamStartsAtTheRequestedVersion(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"a new stream starts with the latest change and ends with the final one": func(t *testing.T) {
			s := startStream(t, 2, nil)
			s.want("2")
			for v := 3; v <= 6; v++ {
				s.deliver(v)
			}
			s.want("2 3 4 5 6")
			s.wantEnd()
			s.wantReads(0)
		},
		"an order with a final status is sent and the stream ends": func(t *testing.T) {
			s := startStream(t, 6, nil)
			s.want("6")
			s.wantEnd()
		},
		"a resumed stream sends every change after the last seen": func(t *testing.T) {
			s := startStream(t, 4, version(1))
			s.want("2 3 4")
			s.disconnect()
			synctest.Wait()
			s.wantEnd()
		},
		"resuming after version 0 sends all changes": func(t *testing.T) {
			s := startStream(t, 6, version(0))
			s.want("1 2 3 4 5 6")
			s.wantEnd()
		},
		"resuming after a future version suppresses no change": func(t *testing.T) {
			s := startStream(t, 2, version(99))
			s.deliver(3)
			s.want("3")
			s.disconnect()
			<-s.ended
		},
	})
}

func TestStreamSendsEachChangeOnceAndInSequence(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"duplicates are sent once": func(t *testing.T) {
			s := startStream(t, 2, nil)
			for _, v := range []int{1, 2, 3, 3, 2, 3, 4, 4} {
				s.deliver(v)
			}
			s.want("2 3 4")
			s.disconnect()
			<-s.ended
		},
		"a gap is filled from the history, and the late events are dropped": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.historyGrowsTo(4)
			s.deliver(4)
			s.want("1 2 3 4")
			s.deliver(2)
			s.deliver(3)
			s.want("1 2 3 4")
			s.deliver(5)
			s.want("1 2 3 4 5")
			s.disconnect()
			<-s.ended
		},
	})
}

func TestStreamRecoversLostEvents(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"order has a later version: the events are lost, or late": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.historyGrowsTo(3)
			s.hub.notifyVersion(orderID, 3)
			s.advance(900 * time.Millisecond)
			s.want("1")
			s.advance(100 * time.Millisecond)
			s.want("1 2 3")
			s.deliver(2)
			s.deliver(3)
			s.want("1 2 3")
			s.disconnect()
			<-s.ended
		},
		"an event that was on its way costs no read": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.historyGrowsTo(2)
			s.hub.notifyVersion(orderID, 2)
			s.advance(500 * time.Millisecond)
			s.deliver(2)
			s.advance(time.Minute)
			s.want("1 2 : : : :")
			s.wantReads(0)
			s.disconnect()
			<-s.ended
		},
		"an idle stream reads nothing": func(t *testing.T) {
			s := startStream(t, 2, nil)
			for range 100 {
				s.hub.notifyVersion(orderID, 2)
				s.advance(2 * time.Second)
			}
			s.wantReads(0)
			s.disconnect()
			<-s.ended
		},
		"a lost final event is found and ends the stream": func(t *testing.T) {
			s := startStream(t, 5, nil)
			s.historyGrowsTo(6)
			s.hub.notifyVersion(orderID, 6)
			s.advance(time.Second)
			s.want("5 6")
			s.wantEnd()
		},
	})
}

func TestStreamSurvivesAnUnavailableOrderService(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"a gap is filled when order is back": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.historyGrowsTo(3)
			s.failWith(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.deliver(3)
			s.want("1")
			s.advance(3 * time.Second)
			s.failWith(nil)
			s.advance(time.Second)
			s.want("1 2 3")
			s.disconnect()
			<-s.ended
		},
		"a 503 of order itself does not end the stream": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.historyGrowsTo(3)
			s.failWith(orderRefusal{serviceResponse{status: http.StatusServiceUnavailable, problem: true}})
			s.deliver(3)
			s.want("1")
			s.failWith(nil)
			s.advance(time.Second)
			s.want("1 2 3")
			s.disconnect()
			<-s.ended
		},
		"an order service that is unavailable for long does not end the stream": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.failWith(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.hub.notifyVersion(orderID, 2)
			s.advance(31 * time.Second)
			s.want("1 : :")
			s.failWith(nil)
			s.deliver(2)
			s.want("1 : : 2")
			s.disconnect()
			<-s.ended
		},
	})
}

func TestStreamSendsHeartbeatsAndEnds(t *testing.T) {
	runInBubbles(t, map[string]func(t *testing.T){
		"a comment every 15 s": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.advance(46 * time.Second)
			s.want("1 : : :")
			s.disconnect()
			<-s.ended
		},
		"a refusal from order ends the stream": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.failWith(orderRefusal{serviceResponse{status: http.StatusForbidden}})
			s.hub.notifyVersion(orderID, 2)
			s.advance(time.Second)
			s.wantEnd()
		},
		"a stopping gateway ends the stream with a retry time": func(t *testing.T) {
			s := startStream(t, 1, nil)
			close(s.stopping)
			synctest.Wait()
			s.want("1 retry")
			s.wantEnd()
		},
		"a disconnected client ends the stream": func(t *testing.T) {
			s := startStream(t, 1, nil)
			s.client.mu.Lock()
			s.client.disconnected = true
			s.client.mu.Unlock()
			s.deliver(2)
			s.wantEnd()
		},
	})
}
