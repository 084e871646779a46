package tuenti_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
)

func TestDialect(t *testing.T) {
	for name, args := range map[string][]string{
		"AppRole":           nil,
		"a service account": {"--vault.engine=kv1", "--vault.auth-method=kubernetes", "--vault.kubernetes-role=reader"},
		"Azure Key Vault":   {"--backend=azure-kv", "--azure-kv.name=core-eu"},
		"some namespaces":   {"--watch-namespaces=core,shared", "--exclude-namespaces=shared"},
	} {
		t.Run(name, func(t *testing.T) {
			dialecttest.Run(t, dialecttest.Suite{Dialect: tuenti.Dialect(), Args: args, Examples: "testdata/examples.yaml"})
		})
	}
}
