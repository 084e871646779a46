// Package all lists the dialects.
package all

import (
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/eso"
	"github.com/secretgate/secretgate/shared/dialect/kes"
	"github.com/secretgate/secretgate/shared/dialect/sealed"
	"github.com/secretgate/secretgate/shared/dialect/tuenti"
	"github.com/secretgate/secretgate/shared/dialect/vso"
)

// Dialects lists all of them. A further one is its folder, and a line here.
func Dialects() []dialect.Dialect {
	return []dialect.Dialect{
		kes.Dialect(),
		tuenti.Dialect(),
		eso.Dialect(),
		vso.Dialect(),
		sealed.Dialect(),
	}
}
