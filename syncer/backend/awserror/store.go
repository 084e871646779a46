package awserror

import "github.com/secretgate/secretgate/syncer/backend/driver"

// DefaultAudience is that of a ServiceAccount's token where the Store names none.
const DefaultAudience = "sts.amazonaws.com"

// The Store says something that a login cannot be made of.
var (
	// ErrNoRegion says that neither the object nor the syncer names a region.
	ErrNoRegion = &driver.Error{
		Kind: driver.Invalid, Problem: "no region is given", Hint: "set {location}, or AWS_REGION for webhook and syncer",
	}
	// ErrNoRole says that a session cannot be tagged, since no role is assumed.
	ErrNoRole = &driver.Error{
		Kind: driver.Invalid, Problem: "no role is given, and the syncer's own AWS session cannot be tagged",
		Hint: "set {role}, or AWS_INTERMEDIATE_ROLE_ARN of the syncer for objects that name none, or leave its --aws-session-tags out",
	}
	// ErrNoRoleOfStore says the same of a Store with a credential of its own.
	ErrNoRoleOfStore = &driver.Error{
		Kind:    driver.Invalid,
		Problem: "the store names no role to assume, and neither an access key nor a ServiceAccount's session can be tagged",
		Hint:    "name a role in the store, or leave the syncer's --aws-session-tags out",
	}
	// ErrHalfKey says that an access key has only its secret part.
	ErrHalfKey = &driver.Error{
		Kind: driver.Invalid, Problem: "the store names a secret access key without the Secret of its id",
		Hint: "name the Secrets of both in the store",
	}
	// ErrKeyID says that what is to be an access key's id cannot be one. It may be the secret part.
	ErrKeyID = &driver.Error{
		Kind: driver.Unauthenticated, Problem: "what the store's Secret has for the id of an access key is none: an id is of letters and digits",
		Hint: "write the access key's id there, and the secret access key where the store names that",
	}
	// ErrNoAccountRole says that it is not known which role a ServiceAccount is.
	ErrNoAccountRole = &driver.Error{
		Kind: driver.Invalid, Problem: "the store does not say which role its ServiceAccount is",
		Hint: "annotate the ServiceAccount with eks.amazonaws.com/role-arn",
	}
	// ErrOptionsWithoutRole says that what goes with assuming a role has none to go with.
	ErrOptionsWithoutRole = &driver.Error{
		Kind: driver.Invalid, Problem: "the store has an external id or session tags, but no role to assume with them",
		Hint: "name the role in the store",
	}
	// ErrLongChain says that too many roles are to be assumed.
	ErrLongChain = &driver.Error{
		Kind: driver.Invalid, Problem: "the store has more than 10 roles to assume before the last", Hint: "name fewer in the store",
	}
	// ErrReservedTag says that a tag could be taken for one that the syncer gives.
	ErrReservedTag = &driver.Error{
		Kind:    driver.Invalid,
		Problem: "the store has a session tag whose key is empty or begins with " + TagPrefix + ", as those that the syncer gives do",
		Hint:    "give the tag another key",
	}
	// ErrTransitive says that a tag is to be handed on that there is not.
	ErrTransitive = &driver.Error{
		Kind: driver.Invalid, Problem: "the store has transitive tags that are none of its session tags", Hint: "name keys of its session tags",
	}
	// ErrNoCredentials says that Stores may refer to nothing in the cluster.
	ErrNoCredentials = &driver.Error{
		Kind: driver.Invalid, Problem: "this syncer reads no credentials of the cluster", Hint: "use the syncer's own identity",
	}
)

// The keys of the tags that sessions have where the syncer is told to tag them. Policies of users name them.
const (
	TagPrefix    = "secretgate:"
	TagNamespace = TagPrefix + "namespace"
	TagName      = TagPrefix + "name"
)
