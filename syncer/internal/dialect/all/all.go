// Package all lists the dialects of which the syncer has something of its own.
package all

import (
	"github.com/secretgate/secretgate/syncer/internal/dialect"
	"github.com/secretgate/secretgate/syncer/internal/dialect/eso"
	"github.com/secretgate/secretgate/syncer/internal/dialect/kes"
	"github.com/secretgate/secretgate/syncer/internal/dialect/sealed"
	"github.com/secretgate/secretgate/syncer/internal/dialect/tuenti"
	"github.com/secretgate/secretgate/syncer/internal/dialect/vso"
)

// Extensions lists them by the names of the dialects.
func Extensions() map[string]dialect.Extension {
	return map[string]dialect.Extension{
		eso.Name:    &eso.Extension{},
		kes.Name:    &kes.Extension{},
		sealed.Name: &sealed.Extension{},
		tuenti.Name: &tuenti.Extension{},
		vso.Name:    &vso.Extension{},
	}
}
