package infra

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// ghostInterval is how often the members of groups are looked at.
	ghostInterval = time.Second
	// usualSession is the session of a member that was there before us.
	usualSession = 10 * time.Second
)

// ghosts finds members of consumer groups that are dead and stay all the same.
// kfake holds a request to join until all of the group have joined, and starts
// the member's session when it answers; but not when there is nobody to answer
// any more. So a consumer killed while it joins is a member for ever, and what
// is assigned to it nobody reads. Kafka itself ends such a member's session.
type ghosts struct {
	client *kgo.Client
	admin  *kadm.Client

	mu      sync.Mutex
	heard   map[string]time.Time     // by member
	session map[string]time.Duration // by member
	settled map[string]time.Time     // by group: since when nobody is waited for
}

// watchForGhosts removes ghosts from the groups of cluster until ctx is done.
func watchForGhosts(ctx context.Context, cluster *kfake.Cluster) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...))
	if err != nil {
		return err
	}
	g := &ghosts{client: client, admin: kadm.NewClient(client), heard: map[string]time.Time{},
		session: map[string]time.Duration{}, settled: map[string]time.Time{}}
	cluster.ControlKey(int16(kmsg.JoinGroup), g.listen)
	cluster.ControlKey(int16(kmsg.SyncGroup), g.listen)
	cluster.ControlKey(int16(kmsg.Heartbeat), g.listen)
	go func() {
		defer client.Close()
		for pause(ctx, ghostInterval) {
			g.look(ctx, time.Now())
		}
	}()
	return nil
}

// listen hears every sign of life, and leaves all of them to the broker.
func (g *ghosts) listen(request kmsg.Request) (kmsg.Response, error, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch r := request.(type) {
	case *kmsg.JoinGroupRequest:
		g.heard[r.MemberID] = now
		g.session[r.MemberID] = time.Duration(r.SessionTimeoutMillis) * time.Millisecond
	case *kmsg.SyncGroupRequest:
		g.heard[r.MemberID] = now
	case *kmsg.HeartbeatRequest:
		g.heard[r.MemberID] = now
	}
	return nil, nil, false
}

// look asks for all groups and removes their ghosts.
func (g *ghosts) look(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	groups, err := g.admin.DescribeGroups(ctx)
	if err != nil {
		return // the broker is stopping, or will be asked again in a moment
	}
	known := map[string]bool{}
	for _, group := range groups {
		for _, member := range group.Members {
			known[member.MemberID] = true
			if g.ghost(group, member.MemberID, now) {
				g.remove(ctx, group.Group, member.MemberID)
			}
		}
	}
	g.forget(known, now)
}

// ghost says whether a member was silent for longer than its session, while
// its group waited for nobody. One that waits to join is silent by right.
func (g *ghosts) ghost(group kadm.DescribedGroup, member string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if group.State == "PreparingRebalance" {
		delete(g.settled, group.Group)
		return false
	}
	if g.settled[group.Group].IsZero() {
		g.settled[group.Group] = now
	}
	session := g.session[member]
	if session == 0 {
		session = usualSession
	}
	return now.Sub(g.settled[group.Group]) > session && now.Sub(g.heard[member]) > session
}

// remove makes the member leave. What it had is then given to the others.
func (g *ghosts) remove(ctx context.Context, group, member string) {
	request := kmsg.NewPtrLeaveGroupRequest()
	request.Group, request.MemberID = group, member
	leaving := kmsg.NewLeaveGroupRequestMember()
	leaving.MemberID = member
	request.Members = append(request.Members, leaving)
	_, _ = request.RequestWith(ctx, g.client) // it is looked for again in any case
}

// forget drops what was heard from members that are gone for long.
func (g *ghosts) forget(known map[string]bool, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for member, heard := range g.heard {
		if !known[member] && now.Sub(heard) > time.Minute {
			delete(g.heard, member)
			delete(g.session, member)
		}
	}
}
