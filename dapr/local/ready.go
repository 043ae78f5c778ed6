package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"comanda/dapr/supervisor"
)

// patience is how long a wait lasts before it is said what is waited for.
const patience = 20 * time.Second

// announceReady names each service as it becomes ready. The gateway answers for all of them; after it, the accounts to try
// are made and the greeting is shown.
func (l *launcher) announceReady(ctx context.Context) {
	began := time.Now()
	var others sync.WaitGroup
	for _, pair := range l.pairs {
		if pair.App == "gateway" {
			continue
		}
		others.Go(func() {
			if l.untilReady(ctx, pair) {
				l.console.say(pair.App, "ready")
				l.calm(pair)
			}
		})
	}
	gateway := l.pair("gateway")
	if !l.untilReady(ctx, gateway) {
		return
	}
	others.Wait()
	l.calm(gateway)
	l.mu.Lock()
	l.started = true
	l.mu.Unlock()
	l.console.say("gateway", "ready, and so is everything behind it (%.1f s)", time.Since(began).Seconds())
	if err := ensureAccounts(ctx, l.settings); err != nil && ctx.Err() == nil {
		l.console.say("accounts", "the demo accounts could not be made: %v", err)
	}
	if ctx.Err() == nil {
		l.startDashboard()
		l.console.text(l.greeting())
	}
}

// announceAgain says when a part that was started again is ready.
func (l *launcher) announceAgain(ctx context.Context, name string) {
	pair := l.pair(strings.TrimSuffix(name, " sidecar"))
	if pair == nil {
		l.console.say(name, "is back")
		return
	}
	if !l.beginWait(pair.App) {
		return // the first restart of this pair is still waited for
	}
	ready := l.untilReady(ctx, pair)
	l.endWait(pair.App)
	if ready {
		if l.wasReady() {
			l.console.say(name, "ready again")
		}
		l.calm(pair)
	}
}

// beginWait returns false when the app is waited for already.
func (l *launcher) beginWait(app string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waited[app] {
		return false
	}
	l.waited[app] = true
	return true
}

func (l *launcher) endWait(app string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waited, app)
}

func (l *launcher) pair(app string) *supervisor.Pair {
	for _, pair := range l.pairs {
		if pair.App == app {
			return pair
		}
	}
	return nil
}

// untilReady waits, and says from time to time what it waits for.
func (l *launcher) untilReady(ctx context.Context, pair *supervisor.Pair) bool {
	for ctx.Err() == nil {
		waiting, cancel := context.WithTimeout(ctx, patience)
		err := pair.AwaitReady(waiting)
		cancel()
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			l.console.say(pair.App, "not ready yet: %s", shorten(err.Error()))
		}
	}
	return false
}

// calm lets a pair's warnings be shown from now on: before that they are about parts that were still starting.
func (l *launcher) calm(pair *supervisor.Pair) {
	for _, program := range pair.Programs() {
		l.reports[program.Name].calm.Store(true)
	}
}
