package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"comanda/services/event"
)

// operations are Kafka's operations by the names that event.Right uses.
var operations = map[string]kadm.ACLOperation{
	"read": kadm.OpRead, "write": kadm.OpWrite, "create": kadm.OpCreate, "alter": kadm.OpAlter, "describe": kadm.OpDescribe,
	"alter_configs": kadm.OpAlterConfigs, "delete": kadm.OpDelete,
}

// SetRights gives every user exactly these rights: it adds the missing ACLs and removes all other ACLs that allow these users
// something. It needs a client of an administrator (Alter on the cluster). It can run again at any time.
func SetRights(ctx context.Context, client *kadm.Client, users map[string][]event.Right) (added, removed int, err error) {
	for _, user := range slices.Sorted(maps.Keys(users)) {
		more, less, err := setRightsOf(ctx, client, "User:"+user, users[user])
		if err != nil {
			return added, removed, fmt.Errorf("set the rights of %s: %w", user, err)
		}
		added, removed = added+more, removed+less
	}
	return added, removed, nil
}

// setRightsOf gives one user exactly these rights, and returns the numbers of added and removed ACLs.
func setRightsOf(ctx context.Context, client *kadm.Client, principal string, rights []event.Right) (added, removed int, err error) {
	wanted := map[kadm.DescribedACL]bool{}
	for _, right := range rights {
		for _, acl := range aclsOf(principal, right) {
			wanted[acl] = true
		}
	}
	found, err := client.DescribeACLs(ctx, kadm.NewACLs().AnyResource().Allow(principal).AllowHosts().Operations(kadm.OpAny).
		ResourcePatternType(kadm.ACLPatternAny))
	if err != nil {
		return 0, 0, err
	}
	for _, result := range found {
		if result.Err != nil {
			return 0, 0, result.Err
		}
		for _, acl := range result.Described {
			if wanted[acl] {
				delete(wanted, acl)
				continue
			}
			if err := removeACL(ctx, client, acl); err != nil {
				return 0, removed, err
			}
			removed++
		}
	}
	for acl := range wanted {
		if err := addACL(ctx, client, acl); err != nil {
			return added, removed, err
		}
		added++
	}
	return added, removed, nil
}

// aclsOf returns the ACLs of one right, one for each operation.
func aclsOf(principal string, right event.Right) (list []kadm.DescribedACL) {
	acl := kadm.DescribedACL{Principal: principal, Host: "*", Name: right.Name, Pattern: kadm.ACLPatternLiteral,
		Permission: kmsg.ACLPermissionTypeAllow}
	if right.Prefix {
		acl.Pattern = kadm.ACLPatternPrefixed
	}
	switch right.Kind {
	case event.KindTopic:
		acl.Type = kmsg.ACLResourceTypeTopic
	case event.KindGroup:
		acl.Type = kmsg.ACLResourceTypeGroup
	default:
		acl.Type, acl.Name = kmsg.ACLResourceTypeCluster, "kafka-cluster"
	}
	for _, operation := range right.Operations {
		acl.Operation = operations[operation]
		list = append(list, acl)
	}
	return list
}

// builderFor returns a builder that matches only this ACL.
func builderFor(acl kadm.DescribedACL) *kadm.ACLBuilder {
	b := kadm.NewACLs().Allow(acl.Principal).AllowHosts(acl.Host).Operations(acl.Operation).ResourcePatternType(acl.Pattern)
	switch acl.Type {
	case kmsg.ACLResourceTypeTopic:
		return b.Topics(acl.Name)
	case kmsg.ACLResourceTypeGroup:
		return b.Groups(acl.Name)
	case kmsg.ACLResourceTypeTransactionalId:
		return b.TransactionalIDs(acl.Name)
	}
	return b.Clusters()
}

func addACL(ctx context.Context, client *kadm.Client, acl kadm.DescribedACL) error {
	results, err := client.CreateACLs(ctx, builderFor(acl))
	for _, result := range results {
		err = errors.Join(err, result.Err)
	}
	return err
}

func removeACL(ctx context.Context, client *kadm.Client, acl kadm.DescribedACL) error {
	results, err := client.DeleteACLs(ctx, builderFor(acl))
	for _, result := range results {
		err = errors.Join(err, result.Err)
	}
	return err
}

// AddUser creates a user with a password for SCRAM, or replaces its password. A broker without SCRAM refuses it.
func AddUser(ctx context.Context, client *kadm.Client, name, password string) error {
	altered, err := client.AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{{
		User: name, Mechanism: kadm.ScramSha512, Iterations: scramIterations, Password: password,
	}})
	if err == nil {
		err = altered.Error()
	}
	if errors.Is(err, kerr.UnsupportedVersion) {
		return errors.New("the broker stores no users for SCRAM")
	}
	return err
}

// scramIterations is Kafka's default, and the minimum that it accepts for SCRAM.
const scramIterations = 4096
