package main

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"comanda/services/internal/fault"
)

const (
	// maxWorkers bounds the memory of concurrent hashes, 12 MiB each, on a machine with many processors (decision 0014).
	maxWorkers = 4
	// maxWaiting is the number of requests that may wait for a worker: about 1.6 s of hashes for one worker.
	maxWaiting = 64
	// maxWait is how long a request waits for a worker. It is less than rest.RequestTimeout, so that the queue can still answer.
	maxWait = 2 * time.Second
)

// workers returns how many processors hash passwords at the same time. One stays free for all other requests and the health
// checks.
func workers() int { return workersOf(runtime.GOMAXPROCS(0)) }

func workersOf(processors int) int { return min(max(processors-1, 1), maxWorkers) }

// workQueue bounds the work that takes much processor time and memory: hashing and judging passwords. Each client has a queue of its
// own, and the clients take turns. So a client that sends many requests delays its own; another client waits only for the work in
// progress.
type workQueue struct {
	wait time.Duration // how long a request waits for a worker

	mu         sync.Mutex
	free       int                  // idle workers; 0 while a request waits
	freePlaces int                  // in the queues
	queues     map[string][]*waiter // by client
	clients    []string             // the clients with a queue, in the order of their turns
}

// waiter is a request in a queue. Its channel gets true when a worker is free for it, and false when it loses its place.
type waiter chan bool

func newWorkQueue(workers, places int, wait time.Duration) *workQueue {
	return &workQueue{wait: wait, free: workers, freePlaces: places, queues: map[string][]*waiter{}}
}

// errBusy is the cause of an error for a request that the queue refused.
var errBusy = errors.New("too many requests wait for a worker")

// busyRetry is the Retry-After of a refused request: the time in which a full queue empties.
const busyRetry = 2 * time.Second

func busy() error {
	refused := fault.Shed(busyRetry, "too many people sign in at this moment: try again in a few seconds")
	refused.Cause = errBusy
	return refused
}

// runWork runs work for a client as soon as a worker is free. It returns Unavailable, without running work, when too many requests wait
// or no worker becomes free in time, and ctx's error when ctx ends first.
func (q *workQueue) runWork(ctx context.Context, client string, work func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := q.acquire(ctx, client); err != nil {
		return err
	}
	defer q.release()
	work()
	return nil
}

// acquire takes an idle worker, or waits in the client's queue for one.
func (q *workQueue) acquire(ctx context.Context, client string) error {
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return nil
	}
	w := q.join(client)
	q.mu.Unlock()
	if w == nil {
		return busy()
	}
	late := time.NewTimer(q.wait)
	defer late.Stop()
	select {
	case admitted := <-*w:
		if !admitted {
			return busy()
		}
		return nil
	case <-late.C:
		q.abandon(client, w)
		return busy()
	case <-ctx.Done():
		q.abandon(client, w)
		return ctx.Err()
	}
}

// join adds a waiter to the client's queue. When all places are taken, the last waiter of the longest queue loses its place, unless that
// queue would become shorter than the client's. join returns nil when there is no place.
func (q *workQueue) join(client string) *waiter {
	if q.freePlaces == 0 {
		if len(q.clients) == 0 { // a queue without places
			return nil
		}
		longest := slices.MaxFunc(q.clients, func(a, b string) int { return len(q.queues[a]) - len(q.queues[b]) })
		waiters := q.queues[longest]
		if len(waiters)-1 < len(q.queues[client])+1 {
			return nil
		}
		last := waiters[len(waiters)-1]
		q.remove(longest, last)
		*last <- false
	}
	if len(q.queues[client]) == 0 {
		q.clients = append(q.clients, client)
	}
	w := make(waiter, 1)
	q.queues[client] = append(q.queues[client], &w)
	q.freePlaces--
	return &w
}

// remove takes a waiter out of the client's queue. It reports whether it was there.
func (q *workQueue) remove(client string, w *waiter) bool {
	at := slices.Index(q.queues[client], w)
	if at < 0 {
		return false
	}
	q.freePlaces++
	if q.queues[client] = slices.Delete(q.queues[client], at, at+1); len(q.queues[client]) == 0 {
		delete(q.queues, client)
		q.clients = slices.DeleteFunc(q.clients, func(other string) bool { return other == client })
	}
	return true
}

// abandon takes a waiter out of the client's queue. If a worker was assigned at the same moment, it goes to the next waiter.
func (q *workQueue) abandon(client string, w *waiter) {
	q.mu.Lock()
	waited := q.remove(client, w)
	q.mu.Unlock()
	if !waited && <-*w {
		q.release()
	}
}

// release gives the worker to the first waiter of the client whose turn it is.
func (q *workQueue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.clients) == 0 {
		q.free++
		return
	}
	client := q.clients[0]
	next := q.queues[client][0]
	q.remove(client, next)
	if len(q.queues[client]) > 0 { // this client has had its turn
		q.clients = append(q.clients[1:], client)
	}
	*next <- true
}
