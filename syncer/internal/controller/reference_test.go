package controller

import (
	"testing"

	"github.com/secretgate/secretgate/shared/reference"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// TestReference keeps the table of the kinds of failure as the code has it.
func TestReference(t *testing.T) {
	var rows [][]string
	for kind := driver.Unknown; kind <= driver.Unavailable; kind++ {
		reason, known := kinds[kind]
		if !known {
			t.Errorf("kind %s has no reason", kind)
		}
		rows = append(rows, []string{"`" + kind.String() + "`", "`" + string(reason) + "`"})
	}
	if len(rows) != len(kinds) {
		t.Errorf("%d kinds have reasons, and %d are listed", len(kinds), len(rows))
	}
	if err := reference.Update("kinds", reference.Table([]string{"label `code` of the metrics", "reason"}, rows)); err != nil {
		t.Error(err)
	}
}
