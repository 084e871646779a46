package eso_test

import (
	"testing"

	"github.com/secretgate/secretgate/shared/dialect/dialecttest"
	"github.com/secretgate/secretgate/shared/dialect/eso"
)

func TestDialect(t *testing.T) {
	dialecttest.Run(t, dialecttest.Suite{
		Dialect: eso.Dialect(), Examples: "testdata/examples.yaml", Denied: "testdata/denied.yaml",
	})
}
