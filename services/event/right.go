package event

import (
	"slices"
	"strings"

	"comanda/services"
)

// Subscriptions lists the topics that each service consumes, as in dapr/subscriptions. A stateful service also consumes its dead letters,
// to store them.
var Subscriptions = map[string][]string{
	"auth":    {CreatingUserResponse.Name, DeletingUserResponse.Name, DeadLetters("auth")},
	"user":    {CreatingUser.Name, CreatingUserCancelled.Name, DeletingUser.Name, DeadLetters("user")},
	"order":   {InventoryStockReserved.Name, InventoryStockFailed.Name, DeletingUser.Name, DeadLetters("order")},
	"product": {OrderCreatedPending.Name, OrderStatusChanged.Name, DeadLetters("product")},
	"gateway": {OrderStatusChanged.Name},
}

// TrackingGroups is the common prefix of the consumer groups of the gateway's replicas (components/tracking.yaml). The group of
// every other service is its name.
const TrackingGroups = "gateway-"

// The kinds of Kafka's resources in a Right.
const (
	KindTopic   = "topic"
	KindGroup   = "group"
	KindCluster = "cluster"
)

// AllNames is the name in a Right to all resources of a kind.
const AllNames = "*"

// Right is a permission of one Kafka user on one resource. Kafka refuses everything else.
type Right struct {
	Kind       string // KindTopic, KindGroup or KindCluster
	Name       string // AllNames means all resources of the kind; empty for the cluster
	Prefix     bool   // the right is for every resource whose name begins with Name
	Operations []string
}

// Rights returns the rights that the sidecar of a service needs in Kafka: to write the service's own topics and its dead letters, and to
// read the topics it consumes, in its own consumer group. Unmodified daprd's outbox also writes and reads an internal topic for each published
// topic.
func Rights(service string) []Right {
	rights := map[string][]string{}
	for _, topic := range Publishers[service] {
		rights[topic] = append(rights[topic], "write")
		rights[internalTopic(service, topic)] = []string{"read", "write"}
	}
	rights[DeadLetters(service)] = []string{"write"}
	for _, topic := range Subscriptions[service] {
		rights[topic] = append(rights[topic], "read")
	}
	var list []Right
	for topic, operations := range rights {
		slices.Sort(operations)
		list = append(list, Right{Kind: KindTopic, Name: topic, Operations: operations})
	}
	slices.SortFunc(list, func(a, b Right) int { return strings.Compare(a.Name, b.Name) })
	group := Right{Kind: KindGroup, Name: service, Operations: []string{"read"}}
	if service == "gateway" {
		group.Name, group.Prefix = TrackingGroups, true
	}
	return append(list, group)
}

// The users of the operator's commands `comanda topics` and `comanda kafka-exporter`.
const (
	TopicsUser   = "topics"
	ExporterUser = "kafka-exporter"
)

// AllRights returns the rights of every user: the sidecars of the five services, and the operator's commands. An administrator
// grants them.
func AllRights() map[string][]Right {
	all := map[string][]Right{
		TopicsUser: {
			{Kind: KindCluster, Operations: []string{"create", "describe"}},
			{Kind: KindTopic, Name: AllNames, Operations: []string{"alter", "alter_configs", "describe"}},
		},
		ExporterUser: {
			{Kind: KindCluster, Operations: []string{"describe"}},
			{Kind: KindTopic, Name: AllNames, Operations: []string{"describe"}},
			{Kind: KindGroup, Name: AllNames, Operations: []string{"describe"}},
		},
	}
	for _, service := range services.Names {
		all[service] = Rights(service)
	}
	for _, service := range services.Stateful { // `comanda topics` deletes the dead letters that the service has stored
		all[TopicsUser] = append(all[TopicsUser],
			Right{Kind: KindTopic, Name: DeadLetters(service), Operations: []string{"delete"}},
			Right{Kind: KindGroup, Name: service, Operations: []string{"describe"}})
	}
	return all
}
