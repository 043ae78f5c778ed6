package rebalance_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra"
)

// poison is the id of the event that fails.
const poison = "poison"

// consumerGroup is a consumer group whose replicas consume two topics of two partitions each.
type consumerGroup struct {
	app    string
	topics []string
	client *kgo.Client

	mu             sync.Mutex
	received       map[string][]*replica // by event id, in the order of the deliveries
	poisonSucceeds bool                  // the app handles poison without an error
}

// replica is an app and its sidecar.
type replica struct {
	*sidecar
	group   *consumerGroup
	address string
	server  *http.Server

	mu        sync.Mutex
	unhealthy bool
}

const subscriptionYAML = `---
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: %[1]s}
spec:
  pubsubname: pubsub
  topic: %[1]s
  deadLetterTopic: %[2]s
  routes: {default: /events}
`

// newConsumerGroup declares the topics of a group that has no replica yet.
func newConsumerGroup(t *testing.T) *consumerGroup {
	t.Helper()
	g := &consumerGroup{app: fmt.Sprintf("rebalance%d-%d", os.Getpid(), nameCount.Add(1)), received: map[string][]*replica{}}
	g.topics = []string{g.app + ".a", g.app + ".b"}
	err := shared.kafka.Declare(t.Context(), []infra.Topic{
		{Name: g.topics[0], Partitions: 2}, {Name: g.topics[1], Partitions: 2}, {Name: g.deadLetterTopic(), Partitions: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.client, err = kgo.NewClient(kgo.SeedBrokers(shared.kafka.Brokers()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.client.Close)
	return g
}

func (g *consumerGroup) deadLetterTopic() string { return g.app + ".dead-letters" }

// startReplica starts a replica and waits until its sidecar is ready.
func (g *consumerGroup) startReplica(t *testing.T) *replica {
	t.Helper()
	r := &replica{group: g, address: "127.0.0.1:0"}
	r.startApp(t)
	var subscriptions string
	for _, topic := range g.topics {
		subscriptions += fmt.Sprintf(subscriptionYAML, topic, g.deadLetterTopic())
	}
	r.sidecar = startConsumer(t, g.app, r.address, subscriptions)
	return r
}

// startConsumer starts the sidecar of an app at address, with the project's pub/sub component and the given subscriptions, and waits until it
// is ready.
func startConsumer(t *testing.T, app, address, subscriptions string) *sidecar {
	t.Helper()
	component, err := os.ReadFile(projectFile(t, "components/pubsub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	resources, _, _ := strings.Cut(string(component), "scopes:")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "resources", "all.yaml"), resources+subscriptions)
	_, appPort, _ := net.SplitHostPort(address)
	s := startSidecar(t, dir, shared.kafka.Brokers(), "--app-id", app, "--app-port", appPort,
		"--resources-path", "resources", "--resources-path", projectFile(t, "dapr/resiliency"),
		"--config", projectFile(t, "dapr/config.yaml"),
		"--enable-app-health-check", "--app-health-check-path", "/healthz/app", "--app-health-probe-interval", "1",
		"--app-health-probe-timeout", "900", "--app-health-threshold", "3", "--dapr-graceful-shutdown-seconds", "5")
	eventually(t, "a ready sidecar", s.isReady)
	return s
}

// startApp starts the app at the replica's address. The first time it chooses a free port.
func (r *replica) startApp(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	r.address = listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", r.receiveEvent)
	mux.HandleFunc("GET /healthz/app", r.reportHealth)
	r.server = &http.Server{Handler: mux}
	go func() { _ = r.server.Serve(listener) }()
	t.Cleanup(func() { _ = r.server.Close() })
}

func (r *replica) reportHealth(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unhealthy {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func (r *replica) setUnhealthy(unhealthy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unhealthy = unhealthy
}

// receiveEvent records a delivery. It fails if the event is poison.
func (r *replica) receiveEvent(w http.ResponseWriter, request *http.Request) {
	var event struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(request.Body).Decode(&event); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.group.mu.Lock()
	defer r.group.mu.Unlock()
	r.group.received[event.ID] = append(r.group.received[event.ID], r)
	if event.ID == poison && !r.group.poisonSucceeds {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// letPoisonSucceed lets poison succeed from now on.
func (g *consumerGroup) letPoisonSucceed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.poisonSucceeds = true
}

// deliveries returns the replicas that received an event, in order.
func (g *consumerGroup) deliveries(id string) []*replica {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.received[id])
}

// lastReceiver returns the replica that received an event last.
func (g *consumerGroup) lastReceiver(id string) *replica {
	receivers := g.deliveries(id)
	if len(receivers) == 0 {
		return nil
	}
	return receivers[len(receivers)-1]
}

func (g *consumerGroup) publish(t *testing.T, topic int, partition int32, id string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "id": id, "type": "rebalance.v1", "source": "test",
		"datacontenttype": "application/json", "data": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: g.topics[topic], Partition: partition, Key: []byte(id), Value: body}
	if err := g.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// publishPoison publishes the event that fails and waits until it is delivered a second time.
func (g *consumerGroup) publishPoison(t *testing.T) {
	t.Helper()
	g.publish(t, 0, 0, poison)
	eventually(t, "two deliveries of poison", func() bool { return len(g.deliveries(poison)) > 1 })
}

// wantDelivered publishes to every partition except poison's and waits until each event is delivered.
func (g *consumerGroup) wantDelivered(t *testing.T, round string) {
	t.Helper()
	for topic := range g.topics {
		for partition := range int32(2) {
			if topic == 0 && partition == 0 {
				continue
			}
			id := round + "-" + strconv.Itoa(topic) + "-" + strconv.Itoa(int(partition))
			g.publish(t, topic, partition, id)
			eventually(t, "delivery of "+id, func() bool { return len(g.deliveries(id)) > 0 })
		}
	}
}

// members returns the ids of the members that have partitions. It returns none while the group rebalances.
func (g *consumerGroup) members(t *testing.T) (ids []string) {
	groups, err := kadm.NewClient(g.client).DescribeGroups(t.Context(), g.app)
	if err != nil || groups[g.app].State != "Stable" {
		return nil
	}
	for _, m := range groups[g.app].Members {
		if c, ok := m.Assigned.AsConsumer(); ok && len(c.Topics) > 0 {
			ids = append(ids, m.MemberID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (g *consumerGroup) awaitMembers(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d members with partitions", n), func() bool { return len(g.members(t)) == n })
}
