package main

import (
	"github.com/dapr/components-contrib/nameresolution/kubernetes"
	k8ssecrets "github.com/dapr/components-contrib/secretstores/kubernetes"
	envsecrets "github.com/dapr/components-contrib/secretstores/local/env"
	pgv1 "github.com/dapr/components-contrib/state/postgresql/v1"

	"github.com/dapr/dapr/pkg/components"
	"github.com/dapr/dapr/pkg/components/bindings"
	"github.com/dapr/dapr/pkg/components/configuration"
	"github.com/dapr/dapr/pkg/components/conversation"
	"github.com/dapr/dapr/pkg/components/crypto"
	"github.com/dapr/dapr/pkg/components/lock"
	"github.com/dapr/dapr/pkg/components/middleware/http"
	"github.com/dapr/dapr/pkg/components/nameresolution"
	"github.com/dapr/dapr/pkg/components/pubsub"
	"github.com/dapr/dapr/pkg/components/secretstores"
	"github.com/dapr/dapr/pkg/components/state"
	"github.com/dapr/dapr/pkg/runtime/registry"
	"github.com/dapr/kit/logger"
)

// componentRegistry lists every component type of this runtime. For a resource of another type the runtime stops with Dapr's own message.
// The empty registries are needed, because the runtime reads every registry.
func componentRegistry(log logger.Logger) *registry.Options {
	pubsubs := pubsub.NewRegistry()
	pubsubs.Logger = log
	pubsubs.RegisterComponent(newKafka, "kafka")

	states := state.NewRegistry()
	states.Logger = log
	states.RegisterComponentWithVersions("postgresql", components.Versioning{
		Preferred: components.VersionConstructor{Version: "v2", Constructor: newPostgres},
		Others:    []components.VersionConstructor{{Version: "v1", Constructor: pgv1.NewPostgreSQLStateStore}},
		Default:   "v1", // as in Dapr: the version of a component file that names none
	})

	names := nameresolution.NewRegistry()
	names.Logger = log
	names.RegisterComponent(newHosts, "sqlite")
	names.RegisterComponent(kubernetes.NewResolver, "kubernetes")

	secrets := secretstores.NewRegistry()
	secrets.Logger = log
	secrets.RegisterComponent(envsecrets.NewEnvSecretStore, "local.env")
	secrets.RegisterComponent(k8ssecrets.NewKubernetesSecretStore, "kubernetes")

	return registry.NewOptions().
		WithPubSubs(pubsubs).
		WithStateStores(states).
		WithNameResolutions(names).
		WithSecretStores(secrets).
		WithHTTPMiddlewares(http.NewRegistry()).
		WithBindings(bindings.NewRegistry()).
		WithConfigurations(configuration.NewRegistry()).
		WithConversations(conversation.NewRegistry()).
		WithCryptoProviders(crypto.NewRegistry()).
		WithLocks(lock.NewRegistry())
}
