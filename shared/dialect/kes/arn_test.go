package kes_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect/kes"
)

func TestAnARNAsAKeyIsOfTheObjectsRegionAndBackend(t *testing.T) {
	const (
		secret    = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
		parameter = "arn:aws:ssm:eu-west-1:123456789012:parameter/db"
	)
	for name, test := range map[string]struct {
		spec     string
		fallback string
		want     []string
	}{
		"of the object's region":         {"backendType: secretsManager, region: eu-west-1, dataFrom: ['" + secret + "']", "us-east-1", nil},
		"of the installation's":          {"backendType: systemManager, data: [{key: '" + parameter + "', name: x}]", "eu-west-1", nil},
		"of a region that nothing names": {"backendType: secretsManager, dataFrom: ['" + secret + "']", "", nil},
		"with a version behind it":       {"backendType: systemManager, data: [{key: '" + parameter + ":3', name: x}]", "eu-west-1", nil},
		"a name with a label is no ARN":  {"backendType: systemManager, data: [{key: 'arn:label', name: x}]", "eu-west-1", nil},
		"a path is none":                 {"backendType: systemManager, data: [{path: '" + parameter + "'}]", "us-east-1", nil},
		"of another region, in all lists": {"backendType: secretsManager, region: us-east-1, dataFrom: ['" + secret + "'], dataFromWithOptions: [{key: '" + secret + "'}], data: [{key: '" + secret + "', name: x}]", "", []string{
			`spec.dataFrom[0]: Invalid value: "` + secret + `": is an ARN of region eu-west-1, but this object reads in us-east-1: set region: eu-west-1`,
			`spec.dataFromWithOptions[0].key: Invalid value: "` + secret + `": is an ARN of region eu-west-1, but this object reads in us-east-1: set region: eu-west-1`,
			`spec.data[0].key: Invalid value: "` + secret + `": is an ARN of region eu-west-1, but this object reads in us-east-1: set region: eu-west-1`,
		}},
		"of another region than the installation's": {"backendType: systemManager, data: [{key: '" + parameter + "', name: x}]", "us-east-1", []string{
			`spec.data[0].key: Invalid value: "` + parameter + `": is an ARN of region eu-west-1, but this object reads in us-east-1, the installation's: set region: eu-west-1`,
		}},
		"of another service": {"backendType: secretsManager, dataFrom: ['" + parameter + "']", "eu-west-1", []string{
			`spec.dataFrom[0]: Invalid value: "` + parameter + `": is an ARN of ssm: backendType secretsManager reads those of secretsmanager`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, errs := understand(object(t, `{spec: {`+test.spec+`}}`), kes.Installation{Defaults: backend.Defaults{Region: test.fallback}})
			if diff := cmp.Diff(test.want, problems(errs)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestHalfOfALoginToVaultIsWarnedOf(t *testing.T) {
	const (
		noRole  = "spec.vaultMountPoint has no meaning without vaultRole, for which the installation has no default (DEFAULT_VAULT_ROLE): set vaultRole, too"
		noMount = "spec.vaultMountPoint is needed beside vaultRole, and the installation has no default (DEFAULT_VAULT_MOUNT_POINT): " +
			"set the mount of Vault's Kubernetes auth method"
	)
	for name, test := range map[string]struct {
		fields string
		in     kes.Installation
		want   []string
	}{
		"both":                                   {"vaultRole: r, vaultMountPoint: m, ", kes.Installation{}, nil},
		"neither, where an AppRole may be":       {"", kes.Installation{}, nil},
		"both from the installation":             {"", kes.Installation{Defaults: backend.Defaults{VaultRole: "r", VaultMount: "m"}}, nil},
		"a role, and the installation's mount":   {"vaultRole: r, ", kes.Installation{Defaults: backend.Defaults{VaultMount: "m"}}, nil},
		"a role alone":                           {"vaultRole: r, ", kes.Installation{}, []string{noMount}},
		"the installation's role alone":          {"", kes.Installation{Defaults: backend.Defaults{VaultRole: "r"}}, []string{noMount}},
		"a mount alone":                          {"vaultMountPoint: m, ", kes.Installation{}, []string{noRole}},
		"the installation's mount, for AppRoles": {"", kes.Installation{Defaults: backend.Defaults{VaultMount: "m"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := mustPlan(t, `{spec: {backendType: vault, `+test.fields+`dataFrom: [secret/data/a]}}`, test.in).Warnings
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
