package rest

import (
	"errors"
	"sync"
)

// The errors of Quota.Take.
var (
	ErrQuotaTotal = errors.New("all of the quota is held")
	ErrQuotaShare = errors.New("this holder has its share of the quota")
)

// Quota bounds what requests hold at the same time, such as bytes of memory or places for waiting: in all, and for each holder, so that
// one client cannot hold what the others need. It never waits: a request that gets nothing is refused at once. Unlike
// golang.org/x/sync/semaphore it has a share for each holder, and can be read.
type Quota struct {
	total, share int64

	mu      sync.Mutex
	held    int64
	holders map[string]int64
}

// NewQuota returns a quota of total, of which each holder may hold share.
func NewQuota(total, share int64) *Quota {
	return &Quota{total: total, share: share, holders: map[string]int64{}}
}

// Take takes n for holder, or returns ErrQuotaTotal or ErrQuotaShare and takes nothing. The share does not apply to the holder "". The
// caller must Return what it took.
func (q *Quota) Take(holder string, n int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case holder != "" && q.holders[holder]+n > q.share:
		return ErrQuotaShare
	case q.held+n > q.total:
		return ErrQuotaTotal
	}
	q.held += n
	if holder != "" {
		q.holders[holder] += n
	}
	return nil
}

// Return gives back n that holder took.
func (q *Quota) Return(holder string, n int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held -= n
	if holder == "" {
		return
	}
	if q.holders[holder] -= n; q.holders[holder] <= 0 {
		delete(q.holders, holder)
	}
}

// Held returns the amount that all holders have taken together.
func (q *Quota) Held() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held
}
