package main

import (
	"context"
	"strings"
	"sync"
	"time"

	"comanda/dapr/supervisor"
)

// waitReportInterval is the time between two lines about a pair that is not ready yet.
const waitReportInterval = 20 * time.Second

// announceReady prints a line for each service that becomes ready. The gateway is ready only when all other services are, and
// with it the system. Then announceReady registers the demo accounts, starts the dashboard and prints the greeting.
func (l *launcher) announceReady(ctx context.Context) {
	started := time.Now()
	var others sync.WaitGroup
	for _, pair := range l.pairs {
		if pair.App == "gateway" {
			continue
		}
		others.Go(func() {
			if l.awaitReady(ctx, pair) {
				l.console.printLine(pair.App, "ready")
				l.showWarnings(pair)
			}
		})
	}
	gateway := l.pair("gateway")
	if !l.awaitReady(ctx, gateway) {
		return
	}
	others.Wait()
	l.showWarnings(gateway)
	l.mu.Lock()
	l.started = true
	l.mu.Unlock()
	l.console.printLine("gateway", "ready, and so are all services (%.1f s)", time.Since(started).Seconds())
	refused, err := ensureAccounts(ctx, l.settings)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		l.console.printLine("accounts", "could not register the demo accounts: %v", err)
	}
	for _, who := range refused {
		l.console.printLine("accounts", "%s: the password is refused: set %[2]s_PASSWORD to the one that the account has, in the environment or in %[3]s, or set another %[2]s_EMAIL",
			l.settings[who+"_EMAIL"], who, l.paths.relative(l.paths.secrets()))
	}
	l.startDashboard()
	l.console.printText(l.greeting(refused))
}

// announceRestart waits until a restarted program's pair is ready, prints a line about it, and shows the pair's warnings again. It
// prints no line before the whole system was ready once, because announceReady prints one. It does not wait for Postgres and Kafka.
func (l *launcher) announceRestart(ctx context.Context, name string) {
	pair := l.pair(strings.TrimSuffix(name, " sidecar"))
	if pair == nil {
		l.console.printLine(name, "runs again")
		return
	}
	if !l.beginAwaiting(pair.App) {
		return // an earlier restart of this pair is still being awaited
	}
	ready := l.awaitReady(ctx, pair)
	l.endAwaiting(pair.App)
	if ready {
		if l.wasReady() {
			l.console.printLine(name, "ready again")
		}
		l.showWarnings(pair)
	}
}

// beginAwaiting marks the app as awaited until endAwaiting. It returns false if it is awaited already.
func (l *launcher) beginAwaiting(app string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.awaiting[app] {
		return false
	}
	l.awaiting[app] = true
	return true
}

func (l *launcher) endAwaiting(app string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.awaiting, app)
}

// pair returns the pair of an app; nil if there is none.
func (l *launcher) pair(app string) *supervisor.Pair {
	for _, pair := range l.pairs {
		if pair.App == app {
			return pair
		}
	}
	return nil
}

// awaitReady waits until the pair is ready, and prints the reason every waitReportInterval while it is not. It returns false when
// ctx ends first.
func (l *launcher) awaitReady(ctx context.Context, pair *supervisor.Pair) bool {
	for ctx.Err() == nil {
		waitCtx, cancel := context.WithTimeout(ctx, waitReportInterval)
		err := pair.AwaitReady(waitCtx)
		cancel()
		if err == nil {
			return true
		}
		if ctx.Err() == nil {
			l.console.printLine(pair.App, "not ready yet: %s", shorten(err.Error()))
		}
	}
	return false
}

// showWarnings shows a pair's warnings from now on. Earlier warnings are about parts that were still starting.
func (l *launcher) showWarnings(pair *supervisor.Pair) {
	for _, program := range pair.Programs() {
		l.reporters[program.Name].showWarnings.Store(true)
	}
}
