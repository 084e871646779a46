package sealed_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
)

func TestDialect(t *testing.T) {
	dialecttest.Run(t, dialecttest.Suite{
		Dialect: sealed.Dialect(), Args: []string{"--sealed-accept-v1-data"},
		Examples: "testdata/examples.yaml", Denied: "testdata/denied.yaml",
	})
}
