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
	// kills is the minimum number of kills. The last ones, at least lastKills, hit only members, because killing the broker may free a
	// stuck group.
	kills, lastKills = 100, 30
)

// killPlan is the part of the test that depends on the broker.
type killPlan struct {
	brokerKills int
	interval    time.Duration // from the broker's return to its next kill
	killLimit   time.Duration // for all kills; a stuck group exceeds it, because a kill waits for a join that never comes
	recovery    time.Duration // from the last kill until every group is Stable and has read every record
}

// killPlanFor returns the plan for a broker. Apache Kafka gets fewer kills and more time: after a kill it needs 5 to 20 s until
// it responds again. It also responds to the JoinGroup of a dead member. So a generation may begin with a dead leader, and the
// next rebalance waits until its session times out. This may repeat for each member that was killed while it joined.
func killPlanFor(kind infra.Kind) killPlan {
	if kind == infra.Embedded {
		return killPlan{brokerKills: 10, interval: 2 * time.Second, killLimit: 3 * time.Minute, recovery: 10 * time.Second}
	}
	return killPlan{brokerKills: 4, interval: 8 * time.Second, killLimit: 6 * time.Minute, recovery: 30 * time.Second}
}

var groupNames = []string{"order", "product", "user"}

// chaos kills members and the broker, each independently of the others.
type chaos struct {
	kafka  *infra.Kafka
	ledger ledger
	joins  chan struct{} // a member sent a JoinGroup

	mu        sync.Mutex
	killed    int       // members and brokers
	killsLeft int       // unlimited until the broker's kills are done
	lastKill  time.Time // of a member, or the broker's return after its kill
	started   []*member
}

const unlimited = -1

// takeKill reports whether a member may be killed, and counts the kill.
func (c *chaos) takeKill() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.killsLeft == 0 {
		return false
	}
	if c.killsLeft != unlimited {
		c.killsLeft--
	}
	c.killed++
	c.lastKill = time.Now()
	return true
}

// beginLastKills limits the kills that are left.
func (c *chaos) beginLastKills() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.killsLeft = max(lastKills, kills-c.killed)
}

// isOver reports whether no kill is left.
func (c *chaos) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.killsLeft == 0
}

// startMember starts a member that reports its joins and what it reads to c, and dies at a request as killAt says.
func (c *chaos) startMember(group string, killAt int16) *member {
	joined := func() {
		select {
		case c.joins <- struct{}{}:
		default:
		}
	}
	m := startMember(c.kafka.Brokers(), group, killAt, c.takeKill, joined, c.ledger.recordReads(group))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.started = append(c.started, m)
	return m
}

// killMembers keeps one member of a group running. It kills the member at a random moment, its successor after the JoinGroup,
// and the next successor before the SyncGroup, and so on until no kill is left. The last member stays alive.
func (c *chaos) killMembers(ctx context.Context, group string, random *rand.Rand) {
	for ctx.Err() == nil {
		m := c.startMember(group, never)
		select {
		case <-time.After(time.Duration(1+random.IntN(5_000)) * time.Millisecond):
		case <-ctx.Done():
		}
		if !c.takeKill() {
			return
		}
		m.kill()
		for _, killAt := range []int16{joinGroup, syncGroup} {
			m := c.startMember(group, killAt)
			for !m.isKilled() {
				if c.isOver() || ctx.Err() != nil {
					return
				}
				select {
				case <-m.killed:
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	}
}

// killBroker kills the broker as often as the plan says. Each time it starts one more member, kills the broker just after a
// JoinGroup, while a group rebalances, and starts the broker again at once. The member dies with the broker.
func (c *chaos) killBroker(ctx context.Context, t *testing.T, plan killPlan) error {
	for i := range plan.brokerKills {
		select {
		case <-c.joins: // drop an earlier join
		default:
		}
		extra := c.startMember(groupNames[i%len(groupNames)], never)
		select {
		case <-c.joins:
		case <-ctx.Done():
			return fmt.Errorf("wait for a member to join: %w", ctx.Err())
		}
		killed := time.Now()
		if err := c.kafka.Kill(ctx); err != nil {
			return err
		}
		extra.kill()
		if err := c.kafka.Start(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		c.killed++
		c.lastKill = time.Now()
		t.Logf("kill %d was the broker, which was back after %s", c.killed, time.Since(killed).Round(100*time.Millisecond))
		c.mu.Unlock()
		select {
		case <-time.After(plan.interval):
		case <-ctx.Done():
		}
	}
	return nil
}

func TestGroupsSurviveAHundredKills(t *testing.T) {
	t.Parallel()
	kafka, kind := startKafka(t)
	plan := killPlanFor(kind)
	c := &chaos{kafka: kafka, joins: make(chan struct{}, 1), killsLeft: unlimited}
	c.ledger.reads = map[string]map[string]bool{}
	t.Cleanup(func() { stopMembers(t, c.started) })
	ctx, cancel := context.WithTimeout(t.Context(), plan.killLimit)
	defer cancel()
	producing, stop := context.WithCancel(ctx)
	defer stop()
	var producer, killers sync.WaitGroup
	producer.Go(func() { c.ledger.produce(producing, t, c.kafka.Brokers()) })
	began := time.Now()
	for i, group := range groupNames {
		for j := range membersEach {
			random := rand.New(rand.NewPCG(uint64(i), uint64(j)))
			killers.Go(func() { c.killMembers(ctx, group, random) })
		}
	}
	killers.Go(func() {
		if err := c.killBroker(ctx, t, plan); err != nil {
			t.Error(err)
		}
		c.beginLastKills()
	})
	killers.Wait()
	if !c.isOver() {
		t.Fatalf("groups are stuck: got %d kills in %s, and the next kills wait for members to join", c.killed,
			time.Since(began).Round(time.Second))
	}
	t.Logf("%d kills in %s, %d of them the broker", c.killed, time.Since(began).Round(time.Second), plan.brokerKills)
	stop()
	producer.Wait()
	c.awaitRecovery(t, plan.recovery)
}

// awaitRecovery waits until every group is Stable, has only its live members, and has read every record.
func (c *chaos) awaitRecovery(t *testing.T, recovery time.Duration) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(c.kafka.Brokers()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithDeadline(t.Context(), c.lastKill.Add(recovery))
	defer cancel()
	state := " the groups could not be described"
	for {
		described, err := kadm.NewClient(client).DescribeGroups(ctx, groupNames...)
		if err == nil {
			recovered := true
			state = ""
			for _, name := range groupNames {
				group := described[name]
				missing, total := c.ledger.unread(name)
				state += fmt.Sprintf("\n%s: %s with %d members (%d live), %d of %d records unread", name, group.State,
					len(group.Members), membersEach, missing, total)
				recovered = recovered && group.State == "Stable" && len(group.Members) == membersEach && missing == 0
			}
			if recovered {
				t.Logf("%s after the last kill:%s", time.Since(c.lastKill).Round(100*time.Millisecond), state)
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s after the last kill, want every group Stable with its live members and no record unread:%s", recovery,
				state)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// startKafka starts a broker with the topics until the test ends, and returns it with its kind.
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
