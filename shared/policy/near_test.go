package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/policy"
)

func TestNearMisses(t *testing.T) {
	for name, test := range map[string]struct {
		key      string
		settings policy.Settings
		meant    string // empty: nothing is said
	}{
		"our own key":                                      {key: keyName},
		"a letter is missing":                              {key: "iam.amazonaws.com/permited", meant: role},
		"a letter is missing under our prefix":             {key: "externalsecrets.kubernetes-client.io/permited-key-name", meant: keyName},
		"two letters are swapped":                          {key: "iam.amazonaws.com/permitetd", meant: role},
		"a plural":                                         {key: "externalsecrets.kubernetes-client.io/permitted-key-names", meant: keyName},
		"another case":                                     {key: "secretgate.io/Permitted-Region", meant: names.AnnotationPermittedRegion},
		"another case of the prefix":                       {key: "IAM.amazonaws.com/permitted", meant: role},
		"a prefix that lacks its plural":                   {key: "externalsecret.kubernetes-client.io/require-role", meant: names.AnnotationRequireRole},
		"the API's group as a prefix":                      {key: "kubernetes-client.io/permitted-key-name", meant: keyName},
		"another product's prefix":                         {key: "external-secrets.io/permitted-vault-mount", meant: names.AnnotationPermittedVaultMount},
		"a letter is missing after another prefix of ours": {key: "secretgate.io/permitted-keyname", meant: keyName},
		"no prefix":                                        {key: "permit-adopt", meant: names.AnnotationPermitAdopt},
		"a letter is missing in a switch":                  {key: "secretgate.io/require-openble", meant: names.AnnotationRequireOpenable},
		"the prefix of the other key":                      {key: "iam.amazonaws.com/permitted-key-name", meant: keyName},
		"our prefix before the other key's name":           {key: "externalsecrets.kubernetes-client.io/permitted", meant: role},
		"a renamed key":                                    {key: "corp.example/rolls", settings: policy.Settings{RoleAnnotation: "corp.example/roles"}, meant: "corp.example/roles"},
		"a short renamed key has no neighbours":            {key: "a/c", settings: policy.Settings{RoleAnnotation: "a/b"}},
		"an annotation of the same name elsewhere":         {key: "example.com/permitted"},
		"another annotation of the role key's owner":       {key: "iam.amazonaws.com/allowed-roles"},
		"what kubectl writes":                              {key: "kubectl.kubernetes.io/last-applied-configuration"},
		"a long key":                                       {key: strings.Repeat("x", 250) + "/permitted-key-name"},
	} {
		t.Run(name, func(t *testing.T) {
			var want []string
			if test.meant != "" {
				want = []string{"annotation " + test.key + " means nothing to Secretgate and limits nothing: did you mean " + test.meant + "?"}
			}
			got := policy.NearMisses(map[string]string{test.key: ".*", "example.com/a": "b"}, test.settings)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAKeyUnderOurPrefixThatIsNearNoneIsAnsweredWithAll(t *testing.T) {
	got := policy.NearMisses(map[string]string{"secretgate.io/limits": "x"}, policy.Settings{})
	want := []string{"annotation secretgate.io/limits means nothing to Secretgate and limits nothing; known are " +
		"externalsecrets.kubernetes-client.io/permitted-key-name, iam.amazonaws.com/permitted, permit-adopt, permitted-controller-id, permitted-key-vault, permitted-project, permitted-region, " +
		"permitted-sealing-scope, permitted-service-account, permitted-store, permitted-vault-mount, permitted-vault-namespace, permitted-vault-server, require-openable, require-role, restart"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
