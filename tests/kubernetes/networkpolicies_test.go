package kubernetes

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// policySet evaluates the network policies of a namespace. Traffic of a pod is allowed if one of the policies that select the
// pod allows it.
type policySet struct {
	t   *testing.T
	all []*networkingv1.NetworkPolicy
}

func networkPolicies(t *testing.T, all objects) policySet {
	return policySet{t, objectsOf[networkingv1.NetworkPolicy](all)}
}

// isOpen reports whether no policy applies to a pod in a direction. Then all traffic is allowed.
func (p policySet) isOpen(pod map[string]string, direction networkingv1.PolicyType) bool {
	return !slices.ContainsFunc(p.all, func(policy *networkingv1.NetworkPolicy) bool {
		return p.applies(policy, pod, direction)
	})
}

// applies reports whether a policy restricts a pod in a direction.
func (p policySet) applies(policy *networkingv1.NetworkPolicy, pod map[string]string, direction networkingv1.PolicyType) bool {
	return slices.Contains(policy.Spec.PolicyTypes, direction) && selectorMatches(p.t, &policy.Spec.PodSelector, pod)
}

// acceptsFrom reports whether pod accepts traffic from another pod of the namespace.
func (p policySet) acceptsFrom(pod, from map[string]string, port int32) bool {
	return p.ingress(pod, port, func(peer networkingv1.NetworkPolicyPeer) bool { return p.peerMatches(peer, from) })
}

// acceptsFromNamespace reports whether pod accepts traffic from any pod of another namespace.
func (p policySet) acceptsFromNamespace(pod map[string]string, namespace string, port int32) bool {
	labels := namespaceLabels(namespace)
	return p.ingress(pod, port, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.NamespaceSelector != nil && peer.PodSelector == nil && selectorMatches(p.t, peer.NamespaceSelector, labels)
	})
}

// ingress reports whether a policy lets pod accept traffic on a port from a peer that fits.
func (p policySet) ingress(pod map[string]string, port int32, fits func(networkingv1.NetworkPolicyPeer) bool) bool {
	for _, policy := range p.all {
		if !p.applies(policy, pod, networkingv1.PolicyTypeIngress) {
			continue
		}
		for _, rule := range policy.Spec.Ingress {
			if portAllowed(rule.Ports, port) && (len(rule.From) == 0 || slices.ContainsFunc(rule.From, fits)) {
				return true
			}
		}
	}
	return false
}

// sendsTo reports whether pod may send to another pod of the namespace.
func (p policySet) sendsTo(pod, to map[string]string, port int32) bool {
	for _, policy := range p.all {
		if !p.applies(policy, pod, networkingv1.PolicyTypeEgress) {
			continue
		}
		for _, rule := range policy.Spec.Egress {
			fits := func(peer networkingv1.NetworkPolicyPeer) bool { return p.peerMatches(peer, to) }
			if portAllowed(rule.Ports, port) && (len(rule.To) == 0 || slices.ContainsFunc(rule.To, fits)) {
				return true
			}
		}
	}
	return false
}

// peerMatches reports whether a policy's peer includes a pod of the namespace.
func (p policySet) peerMatches(peer networkingv1.NetworkPolicyPeer, pod map[string]string) bool {
	if peer.IPBlock != nil {
		return false
	}
	if peer.NamespaceSelector != nil && !selectorMatches(p.t, peer.NamespaceSelector, namespaceLabels("comanda")) {
		return false
	}
	selector := peer.PodSelector
	if selector == nil {
		selector = &metav1.LabelSelector{}
	}
	return selectorMatches(p.t, selector, pod)
}

// namespaceLabels returns the labels that Kubernetes gives every namespace.
func namespaceLabels(name string) map[string]string {
	return map[string]string{"kubernetes.io/metadata.name": name}
}

// portAllowed reports whether a rule's ports include a port. A rule without ports allows all.
func portAllowed(ports []networkingv1.NetworkPolicyPort, port int32) bool {
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
