// Package kubernetes tests deploy/kubernetes without a cluster. It builds every kustomization as kubectl does, decodes each
// object strictly into its Kubernetes or Dapr type, injects the sidecars with Dapr's own injector, and checks the access
// policies with Dapr's own policy engine. It is a separate module, so that no service depends on Kubernetes.
package kubernetes
