package backend

import (
	"cmp"

	"github.com/secretgate/secretgate/shared/plan"
)

// AWSSecretsManager is AWS Secrets Manager.
const AWSSecretsManager plan.Backend = "secretsManager"

var awsSecretsManager = Backend{
	Name: AWSSecretsManager,
	Key:  plan.PlainText, // sent in a JSON body
	Store: map[plan.Aspect]plan.Rule{
		plan.Role: awsRole, plan.Location: region, plan.Account: plan.ObjectName,
	},
	Nouns:  awsNouns,
	Limits: awsLimits,
	Finds:  true,
	Pins:   []Pin{VersionID, VersionStage},
	Read: func(r plan.Read) plan.Read {
		read := tagged(r)
		if r.Path {
			read.Recursive = true // the path is a prefix, and values are the current ones
			return read
		}
		if r.VersionID != "" {
			read.VersionID = r.VersionID // it wins, as in KES
		} else {
			read.VersionStage = cmp.Or(r.VersionStage, "AWSCURRENT")
		}
		return read
	},
	arnService: "secretsmanager",
}
