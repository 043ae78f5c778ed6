package kubernetes

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Policies restrict every pod in both directions, and every selector of a policy matches an existing pod.
func TestPoliciesRestrictEveryPodAndSelectExistingPods(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		running := podTemplates(all)
		for name, pod := range running {
			policies := networkPolicies(t, all)
			for _, direction := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
				if policies.isOpen(pod.Labels, direction) {
					t.Errorf("%s: no policy restricts %s of %s", folder, direction, name)
				}
			}
		}
		wantMatch := func(policy string, selector *metav1.LabelSelector) {
			for _, pod := range running {
				if selectorMatches(t, selector, pod.Labels) {
					return
				}
			}
			t.Errorf("%s: policy %s: no pod matches %s", folder, policy, metav1.FormatLabelSelector(selector))
		}
		for _, policy := range objectsOf[networkingv1.NetworkPolicy](all) {
			wantMatch(policy.Name, &policy.Spec.PodSelector)
			for _, rule := range policy.Spec.Ingress {
				for _, peer := range rule.From {
					if peer.NamespaceSelector == nil && peer.PodSelector != nil {
						wantMatch(policy.Name, peer.PodSelector)
					}
				}
			}
			for _, rule := range policy.Spec.Egress {
				for _, peer := range rule.To {
					if peer.NamespaceSelector == nil && peer.PodSelector != nil {
						wantMatch(policy.Name, peer.PodSelector)
					}
				}
			}
		}
	}
}

// A sidecar reaches another sidecar only if its service calls the other service. A service reaches only its own database; the job
// reconcile reaches all of them. Only the clients of Kafka reach Kafka, and only services reach Zipkin.
func TestPodsReachOnlyThePodsTheyCall(t *testing.T) {
	kafkaClients := append([]string{"topics", "kafka-exporter", "reconcile"}, services...)
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		policies, running := networkPolicies(t, all), podTemplates(all)
		called := map[[2]string]bool{}
		for _, c := range sourceCalls(t) {
			called[[2]string{c.from, c.to}] = true
		}
		for from, a := range running {
			for to, b := range running {
				for _, port := range []int32{50002, 3500, 50001, 8080, 5010, 5432, 9092, 9411, 9090} {
					owner, isDatabase := databaseOwners[to]
					want := port == 50002 && called[[2]string{from, to}] ||
						port == 5432 && isDatabase && (owner == from || from == "reconcile") ||
						port == 9092 && to == "kafka" && slices.Contains(kafkaClients, from) ||
						port == 9411 && to == "zipkin" && slices.Contains(services, from)
					got := policies.sendsTo(a.Labels, b.Labels, port) && policies.acceptsFrom(b.Labels, a.Labels, port)
					if got != want {
						t.Errorf("%s: %s reaches %s on port %d: got %v, want %v", folder, from, to, port, got, want)
					}
				}
			}
		}
	}
}

// databaseOwners maps each database of overlays/small to its service.
var databaseOwners = map[string]string{"auth-db": "auth", "user-db": "user", "order-db": "order", "product-db": "product"}

// Only the gateway's public port is reachable from other namespaces; in production only the Ingress reaches it. Prometheus
// reaches the metrics of all services and sidecars.
func TestOnlyTheGatewayIsReachableFromOutside(t *testing.T) {
	for _, folder := range kustomizations {
		all := buildObjects(t, folder)
		policies := networkPolicies(t, all)
		for name, pod := range podTemplates(all) {
			for _, port := range []int32{3500, 50001, 50002, 5010, 5011, 5012, 5013, 8080, 8081, 9090, 9308, 5432, 9092} {
				isGatewayPort := name == "gateway" && port == 8080
				public := isGatewayPort && folder != productionOverlay
				if got := policies.acceptsFromNamespace(pod.Labels, "anywhere", port); got != public {
					t.Errorf("%s: port %d of %s is open to all namespaces: got %v, want %v", folder, port, name, got, public)
				}
				if isGatewayPort && folder == productionOverlay && !policies.acceptsFromNamespace(pod.Labels, "traefik", port) {
					t.Errorf("%s: the Ingress does not reach the gateway", folder)
				}
			}
		}
		for _, app := range serviceDeployments(all) {
			scraped := app.Spec.Template.Spec.Containers[0].Ports
			for _, port := range []int32{scraped[len(scraped)-1].ContainerPort, 9090} {
				if !policies.acceptsFromNamespace(app.Spec.Template.Labels, "observability", port) {
					t.Errorf("%s: Prometheus does not reach %s on %d", folder, app.Name, port)
				}
			}
		}
		if !policies.acceptsFromNamespace(podTemplates(all)["kafka-exporter"].Labels, "observability", 9308) {
			t.Errorf("%s: Prometheus does not reach the Kafka exporter", folder)
		}
	}
}

func selectorMatches(t *testing.T, selector *metav1.LabelSelector, set map[string]string) bool {
	t.Helper()
	compiled, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Matches(labels.Set(set))
}
