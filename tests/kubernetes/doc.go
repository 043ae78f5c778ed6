// Package kubernetes tests deploy/kubernetes without a cluster: every kustomization is built as kubectl builds it, each
// object is decoded strictly into the type of Kubernetes or of Dapr, the sidecars are injected by Dapr's own injector, and
// who may call whom is asked of Dapr's own policy engine. A module of its own, so that no service depends on Kubernetes.
package kubernetes
