package groups

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra"
)

const (
	membersEach = 4
	// kills is the least number of kills. The last ones, at least lastKills, hit members alone: a broker that is killed may
	// forget a group that is stuck.
	kills, lastKills = 100, 30
)

// pace is what brokers differ in.
type pace struct {
	kills    int           // of the broker
	respite  time.Duration // from the broker's return to its next kill
	patience time.Duration // ends a run whose kills wait for joins that never come
	recovery time.Duration // from the last kill until every group is Stable and has read every record
}

// paceOf gives Apache Kafka fewer kills and more time: it takes 5 to 20 s until it answers again.
// It also answers the JoinGroup of a dead member. So a generation may begin with a dead leader, whose session has to end
// before the next rebalance, and so on for each member that was killed while it joined.
func paceOf(kind infra.Kind) pace {
	if kind == infra.Embedded {
		return pace{kills: 10, respite: 2 * time.Second, patience: 3 * time.Minute, recovery: 10 * time.Second}
	}
	return pace{kills: 4, respite: 8 * time.Second, patience: 6 * time.Minute, recovery: 30 * time.Second}
}

var groupNames = []string{"order", "product", "user"}

// storm kills members and the broker, each independently of the others.
type storm struct {
	kafka  *infra.Kafka
	ledger ledger
	joins  chan struct{} // a member sent a JoinGroup

	mu       sync.Mutex
	killed   int       // members and brokers
	left     int       // kills that are left; endless until the broker's kills are over
	lastKill time.Time // of a member, or the broker's return after its kill
	stopped  []*member
}

const endless = -1

// permit takes one kill of a member, if any is left.
func (s *storm) permit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 {
		return false
	}
	if s.left != endless {
		s.left--
	}
	s.killed++
	s.lastKill = time.Now()
	return true
}

// limit begins the last kills.
func (s *storm) limit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = max(lastKills, kills-s.killed)
}

func (s *storm) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left == 0
}

func (s *storm) start(group string, killAt int16) *member {
	joined := func() {
		select {
		case s.joins <- struct{}{}:
		default:
		}
	}
	m := startMember(s.kafka.Brokers(), group, killAt, s.permit, joined, s.ledger.read(group))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = append(s.stopped, m)
	return m
}

// trouble keeps one place of a group filled: it kills the member there at a random moment, the next one after its
// JoinGroup, and the next one before its SyncGroup, until no kill is left. The last member lives on.
func (s *storm) trouble(ctx context.Context, group string, random *rand.Rand) {
	for ctx.Err() == nil {
		m := s.start(group, never)
		select {
		case <-time.After(time.Duration(1+random.IntN(5_000)) * time.Millisecond):
		case <-ctx.Done():
		}
		if !s.permit() {
			return
		}
		m.kill()
		for _, killAt := range []int16{joinGroup, syncGroup} {
			m := s.start(group, killAt)
			for !m.isGone() {
				if s.over() || ctx.Err() != nil {
					return
				}
				select {
				case <-m.gone:
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	}
}

// killBroker starts one more member, kills the broker just after a JoinGroup, while a group rebalances, and starts the
// broker again at once. The member dies with the broker.
func (s *storm) killBroker(ctx context.Context, t *testing.T, pace pace) error {
	for i := range pace.kills {
		select {
		case <-s.joins: // of the time before
		default:
		}
		extra := s.start(groupNames[i%len(groupNames)], never)
		select {
		case <-s.joins:
		case <-ctx.Done():
			return fmt.Errorf("no member joins: %w", ctx.Err())
		}
		killed := time.Now()
		if err := s.kafka.Kill(ctx); err != nil {
			return err
		}
		extra.kill()
		if err := s.kafka.Start(ctx); err != nil {
			return err
		}
		s.mu.Lock()
		s.killed++
		s.lastKill = time.Now()
		t.Logf("kill %d hit the broker, which is back after %s", s.killed, time.Since(killed).Round(100*time.Millisecond))
		s.mu.Unlock()
		select {
		case <-time.After(pace.respite):
		case <-ctx.Done():
		}
	}
	return nil
}

func TestGroupsSurviveAHundredKills(t *testing.T) {
	t.Parallel()
	kafka, kind := startKafka(t)
	pace := paceOf(kind)
	s := &storm{kafka: kafka, joins: make(chan struct{}, 1), left: endless}
	s.ledger.reads = map[string]map[string]bool{}
	t.Cleanup(func() { stopAll(t, s.stopped) })
	ctx, cancel := context.WithTimeout(t.Context(), pace.patience)
	defer cancel()
	producing, stop := context.WithCancel(ctx)
	defer stop()
	var producer, killers sync.WaitGroup
	producer.Go(func() { s.ledger.produce(producing, t, s.kafka.Brokers()) })
	begun := time.Now()
	for i, group := range groupNames {
		for j := range membersEach {
			random := rand.New(rand.NewPCG(uint64(i), uint64(j)))
			killers.Go(func() { s.trouble(ctx, group, random) })
		}
	}
	killers.Go(func() {
		if err := s.killBroker(ctx, t, pace); err != nil {
			t.Error(err)
		}
		s.limit()
	})
	killers.Wait()
	if !s.over() {
		t.Fatalf("groups are stuck: %d kills in %s, and the next ones wait for members to join", s.killed, time.Since(begun).Round(time.Second))
	}
	t.Logf("%d kills in %s, %d of them the broker", s.killed, time.Since(begun).Round(time.Second), pace.kills)
	stop()
	producer.Wait()
	s.awaitRecovery(t, pace.recovery)
}

// awaitRecovery fails unless every group is Stable with its live members alone, and has read every record, in time.
func (s *storm) awaitRecovery(t *testing.T, recovery time.Duration) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.kafka.Brokers()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithDeadline(t.Context(), s.lastKill.Add(recovery))
	defer cancel()
	state := "not asked"
	for {
		described, err := kadm.NewClient(client).DescribeGroups(ctx, groupNames...)
		if err == nil {
			good := true
			state = ""
			for _, name := range groupNames {
				group := described[name]
				missing, all := s.ledger.unread(name)
				state += fmt.Sprintf("\n%s: %s with %d members (%d live), %d of %d records unread", name, group.State, len(group.Members), membersEach, missing, all)
				good = good && group.State == "Stable" && len(group.Members) == membersEach && missing == 0
			}
			if good {
				t.Logf("%s after the last kill:%s", time.Since(s.lastKill).Round(100*time.Millisecond), state)
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s after the last kill:%s", recovery, state)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func startKafka(t *testing.T) (*infra.Kafka, infra.Kind) {
	t.Helper()
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	kafka, err := infra.StartKafka(t.Context(), infra.Options{Dir: t.TempDir(), Kind: kind, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kafka.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	var declared []infra.Topic
	for _, name := range topics {
		declared = append(declared, infra.Topic{Name: name, Partitions: partitions})
	}
	if err := kafka.Declare(t.Context(), declared); err != nil {
		t.Fatal(err)
	}
	return kafka, kind
}
