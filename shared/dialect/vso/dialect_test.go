package vso_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/vso"
)

func TestDialect(t *testing.T) {
	dialecttest.Run(t, dialecttest.Suite{
		Dialect: vso.Dialect(), Examples: "testdata/examples.yaml", Denied: "testdata/denied.yaml",
	})
}
