package kubernetes

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Every pod is closed by default, and every policy selects an existing pod.
func TestEveryPolicySelectsAPod(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		running := pods(all)
		for name, pod := range running {
			if n := network(t, all); n.open(pod.Labels, networkingv1.PolicyTypeIngress) || n.open(pod.Labels, networkingv1.PolicyTypeEgress) {
				t.Errorf("%s: no policy restricts %s", folder, name)
			}
		}
		matches := func(policy string, selector *metav1.LabelSelector) {
			for _, pod := range running {
				if matching(t, selector, pod.Labels) {
					return
				}
			}
			t.Errorf("%s: policy %s: no pod matches %s", folder, policy, metav1.FormatLabelSelector(selector))
		}
		for _, policy := range of[networkingv1.NetworkPolicy](all) {
			matches(policy.Name, &policy.Spec.PodSelector)
			for _, rule := range policy.Spec.Ingress {
				for _, peer := range rule.From {
					if peer.NamespaceSelector == nil && peer.PodSelector != nil {
						matches(policy.Name, peer.PodSelector)
					}
				}
			}
			for _, rule := range policy.Spec.Egress {
				for _, peer := range rule.To {
					if peer.NamespaceSelector == nil && peer.PodSelector != nil {
						matches(policy.Name, peer.PodSelector)
					}
				}
			}
		}
	}
}

// A sidecar reaches another one exactly where its service calls the other. A service reaches only its own database.
func TestPodsReachOnlyWhatTheyCall(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		n, running := network(t, all), pods(all)
		called := map[[2]string]bool{}
		for _, c := range calls(t) {
			called[[2]string{c.from, c.to}] = true
		}
		for from, a := range running {
			for to, b := range running {
				for port := range map[int32]bool{50002: true, 3500: true, 50001: true, 8080: true, 5010: true, 5432: true, 9092: true, 9411: true, 9090: true} {
					owner, isDatabase := databases[to]
					want := port == 50002 && called[[2]string{from, to}] ||
						port == 5432 && isDatabase && owner == from ||
						port == 9092 && to == "kafka" && (from == "topics" || from == "kafka-exporter" || slices.Contains(services, from)) ||
						port == 9411 && to == "zipkin" && slices.Contains(services, from)
					if got := n.sends(a.Labels, b.Labels, port) && n.takes(b.Labels, a.Labels, port); got != want {
						t.Errorf("%s: %s reaches %s on %d: %v", folder, from, to, port, got)
					}
				}
			}
		}
	}
}

// databases are the databases of overlays/small, by their services.
var databases = map[string]string{"auth-db": "auth", "user-db": "user", "order-db": "order", "product-db": "product"}

// Only the gateway's public port is reachable from outside, in production only by the Ingress. Prometheus reaches the metrics
// of all services and sidecars.
func TestOnlyTheGatewayIsReachableFromOutside(t *testing.T) {
	for _, folder := range everywhere {
		all := built(t, folder)
		n := network(t, all)
		for name, pod := range pods(all) {
			for port := range map[int32]bool{3500: true, 50001: true, 50002: true, 5010: true, 5011: true, 5012: true, 5013: true, 8080: true, 8081: true, 9090: true, 9308: true, 5432: true, 9092: true} {
				public := name == "gateway" && port == 8080 && folder != production
				if got := n.takesFrom(pod.Labels, "anywhere", port); got != public {
					t.Errorf("%s: %s: reachable from anywhere on port %d: got %v", folder, name, port, got)
				}
				if name == "gateway" && port == 8080 && folder == production && !n.takesFrom(pod.Labels, "traefik", port) {
					t.Errorf("%s: the Ingress does not reach the gateway", folder)
				}
			}
		}
		for _, app := range apps(all) {
			scraped := app.Spec.Template.Spec.Containers[0].Ports
			for _, port := range []int32{scraped[len(scraped)-1].ContainerPort, 9090} {
				if !n.takesFrom(app.Spec.Template.Labels, "observability", port) {
					t.Errorf("%s: Prometheus does not reach %s on %d", folder, app.Name, port)
				}
			}
		}
		if !n.takesFrom(pods(all)["kafka-exporter"].Labels, "observability", 9308) {
			t.Errorf("%s: Prometheus does not reach the Kafka exporter", folder)
		}
	}
}

func matching(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Matches(labels.Set(set))
}
