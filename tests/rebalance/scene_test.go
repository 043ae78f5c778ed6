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

// poison is the event that fails.
const poison = "poison"

// scene is one consumer group with its replicas, which hear two topics of two partitions each.
type scene struct {
	app    string
	topics []string
	client *kgo.Client

	mu      sync.Mutex
	heard   map[string][]*replica // by event id, in the order of the deliveries
	mending bool                  // poison does not fail any more
}

// replica is an app and its sidecar.
type replica struct {
	*sidecar
	scene   *scene
	address string
	server  *http.Server

	mu  sync.Mutex
	ill bool
}

const subscription = `---
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: %[1]s}
spec:
  pubsubname: pubsub
  topic: %[1]s
  deadLetterTopic: %[2]s
  routes: {default: /events}
`

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{app: fmt.Sprintf("rebalance%d-%d", os.Getpid(), names.Add(1)), heard: map[string][]*replica{}}
	s.topics = []string{s.app + ".a", s.app + ".b"}
	err := shared.kafka.Declare(t.Context(), []infra.Topic{{Name: s.topics[0], Partitions: 2}, {Name: s.topics[1], Partitions: 2}, {Name: s.dead(), Partitions: 1}})
	if err != nil {
		t.Fatal(err)
	}
	s.client, err = kgo.NewClient(kgo.SeedBrokers(shared.kafka.Brokers()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.client.Close)
	return s
}

func (s *scene) dead() string { return s.app + ".dead-letters" }

// add starts a replica, and waits until it is a member of the group.
func (s *scene) add(t *testing.T) *replica {
	t.Helper()
	r := &replica{scene: s, address: "127.0.0.1:0"}
	r.startApp(t)
	component, err := os.ReadFile(root(t, "components/pubsub.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	resources, _, _ := strings.Cut(string(component), "scopes:")
	for _, topic := range s.topics {
		resources += fmt.Sprintf(subscription, topic, s.dead())
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "resources", "all.yaml"), resources)
	_, appPort, _ := net.SplitHostPort(r.address)
	r.sidecar = startSidecar(t, dir, shared.kafka.Brokers(), "--app-id", s.app, "--app-port", appPort,
		"--resources-path", "resources", "--resources-path", root(t, "dapr/resiliency"), "--config", root(t, "dapr/config.yaml"),
		"--enable-app-health-check", "--app-health-check-path", "/healthz/app", "--app-health-probe-interval", "1",
		"--app-health-probe-timeout", "900", "--app-health-threshold", "3", "--dapr-graceful-shutdown-seconds", "5")
	eventually(t, "a ready sidecar", r.ready)
	return r
}

// startApp listens at the replica's address, at a free one the first time.
func (r *replica) startApp(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	r.address = listener.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /events", r.hear)
	mux.HandleFunc("GET /healthz/app", r.health)
	r.server = &http.Server{Handler: mux}
	go func() { _ = r.server.Serve(listener) }()
	t.Cleanup(func() { _ = r.server.Close() })
}

func (r *replica) health(w http.ResponseWriter, _ *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ill {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

func (r *replica) setIll(ill bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ill = ill
}

func (r *replica) hear(w http.ResponseWriter, request *http.Request) {
	var event struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(request.Body).Decode(&event); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.scene.mu.Lock()
	defer r.scene.mu.Unlock()
	r.scene.heard[event.ID] = append(r.scene.heard[event.ID], r)
	if event.ID == poison && !r.scene.mending {
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// mend lets poison succeed from now on.
func (s *scene) mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mending = true
}

// deliveries returns which replicas heard an event, in order.
func (s *scene) deliveries(id string) []*replica {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard[id])
}

// holder returns the replica that heard an event last.
func (s *scene) holder(id string) *replica {
	all := s.deliveries(id)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func (s *scene) publish(t *testing.T, topic int, partition int32, id string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "id": id, "type": "rebalance.v1", "source": "test",
		"datacontenttype": "application/json", "data": map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: s.topics[topic], Partition: partition, Key: []byte(id), Value: body}
	if err := s.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// publishPoison publishes the event that fails, and waits until it has been tried again.
func (s *scene) publishPoison(t *testing.T) {
	t.Helper()
	s.publish(t, 0, 0, poison)
	eventually(t, "poison fails twice", func() bool { return len(s.deliveries(poison)) > 1 })
}

// wantHeard publishes to every partition but the one of poison, and waits until each event was heard.
func (s *scene) wantHeard(t *testing.T, round string) {
	t.Helper()
	for topic := range s.topics {
		for partition := range int32(2) {
			if topic == 0 && partition == 0 {
				continue
			}
			id := round + "-" + strconv.Itoa(topic) + "-" + strconv.Itoa(int(partition))
			s.publish(t, topic, partition, id)
			eventually(t, id+" is heard", func() bool { return len(s.deliveries(id)) > 0 })
		}
	}
}

// members returns the ids of the members with partitions; none while the group is being rebalanced.
func (s *scene) members(t *testing.T) (ids []string) {
	groups, err := kadm.NewClient(s.client).DescribeGroups(t.Context(), s.app)
	if err != nil || groups[s.app].State != "Stable" {
		return nil
	}
	for _, m := range groups[s.app].Members {
		if c, ok := m.Assigned.AsConsumer(); ok && len(c.Topics) > 0 {
			ids = append(ids, m.MemberID)
		}
	}
	slices.Sort(ids)
	return ids
}

func (s *scene) awaitMembers(t *testing.T, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d members share the partitions", n), func() bool { return len(s.members(t)) == n })
}
