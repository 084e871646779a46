package backend

import "github.com/secretgate/secretgate/shared/plan"

// AWSParameterStore is the Parameter Store of AWS Systems Manager.
const AWSParameterStore plan.Backend = "systemManager"

var awsParameterStore = Backend{
	Name: AWSParameterStore,
	Key:  plan.PlainText, // sent in a JSON body
	Store: map[plan.Aspect]plan.Rule{
		plan.Role: awsRole, plan.Location: region, plan.Account: plan.ObjectName,
	},
	Nouns:   awsNouns,
	Limits:  awsLimits,
	Walks:   true,
	Finds:   true,
	Folders: true,
	Read: func(r plan.Read) plan.Read {
		read := tagged(r)
		if !r.Path {
			read.Version = r.Version // a number or a label
		}
		return read
	},
	KeyOf:      func(key, version string) string { return key + ":" + version },
	arnService: "ssm",
}
