package kubernetes

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// policies evaluates the network policies of a namespace: a pod allows the union of the policies that select it.
type policies struct {
	t   *testing.T
	all []*networkingv1.NetworkPolicy
}

func network(t *testing.T, all objects) policies {
	return policies{t, of[networkingv1.NetworkPolicy](all)}
}

// open reports whether no policy selects a pod in a direction. Then all traffic is allowed.
func (p policies) open(pod map[string]string, direction networkingv1.PolicyType) bool {
	return !slices.ContainsFunc(p.all, func(policy *networkingv1.NetworkPolicy) bool {
		return slices.Contains(policy.Spec.PolicyTypes, direction) && matching(p.t, &policy.Spec.PodSelector, pod)
	})
}

// takes reports whether pod accepts traffic from another pod of the namespace.
func (p policies) takes(pod, from map[string]string, port int32) bool {
	return p.ingress(pod, port, func(peer networkingv1.NetworkPolicyPeer) bool { return p.inside(peer, from) })
}

// takesFrom reports whether pod accepts traffic from any pod of another namespace.
func (p policies) takesFrom(pod map[string]string, namespace string, port int32) bool {
	place := map[string]string{"kubernetes.io/metadata.name": namespace}
	return p.ingress(pod, port, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.NamespaceSelector != nil && peer.PodSelector == nil && matching(p.t, peer.NamespaceSelector, place)
	})
}

func (p policies) ingress(pod map[string]string, port int32, fits func(networkingv1.NetworkPolicyPeer) bool) bool {
	for _, policy := range p.all {
		if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) || !matching(p.t, &policy.Spec.PodSelector, pod) {
			continue
		}
		for _, rule := range policy.Spec.Ingress {
			if through(rule.Ports, port) && (len(rule.From) == 0 || slices.ContainsFunc(rule.From, fits)) {
				return true
			}
		}
	}
	return false
}

// sends reports whether pod may send to another pod of the namespace.
func (p policies) sends(pod, to map[string]string, port int32) bool {
	for _, policy := range p.all {
		if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) || !matching(p.t, &policy.Spec.PodSelector, pod) {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			fits := func(peer networkingv1.NetworkPolicyPeer) bool { return p.inside(peer, to) }
			if through(rule.Ports, port) && (len(rule.To) == 0 || slices.ContainsFunc(rule.To, fits)) {
				return true
			}
		}
	}
	return false
}

func (p policies) inside(peer networkingv1.NetworkPolicyPeer, pod map[string]string) bool {
	if peer.IPBlock != nil {
		return false
	}
	if peer.NamespaceSelector != nil && !matching(p.t, peer.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": "comanda"}) {
		return false
	}
	selector := peer.PodSelector
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	return matching(p.t, selector, pod)
}

func through(ports []networkingv1.NetworkPolicyPort, port int32) bool {
	if len(ports) == 0 {
		return true
	}
	return slices.ContainsFunc(ports, func(one networkingv1.NetworkPolicyPort) bool {
		first := one.Port.IntVal
		last := first
		if one.EndPort != nil {
			last = *one.EndPort
		}
		return first <= port && port <= last
	})
}
