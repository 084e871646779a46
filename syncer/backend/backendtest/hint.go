package backendtest

import (
	"context"
	"errors"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// Message is what users read where a driver fails to read a source with an error of its SDK: a key, a path or, without a Read, a batch.
func Message(t *testing.T, d driver.Driver, of plan.Source, err error) string {
	t.Helper()
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{of.Backend: failing{d, err}}}
	if of.Read == (plan.Read{}) {
		_, err = client.GetBatch(t.Context(), of.Store, []plan.Read{{Key: "a"}})
	} else {
		_, err = client.Get(t.Context(), of)
	}
	if failed, ok := errors.AsType[*backend.Error](err); !ok || failed.Source != of {
		t.Fatalf("got %v, want an error of %+v", err, of)
	}
	return err.Error()
}

// failing is a driver whose reads all fail.
type failing struct {
	driver.Driver

	err error
}

func (f failing) Get(context.Context, plan.Store, plan.Read) (driver.Value, error) {
	return driver.Value{}, f.err
}

func (f failing) Walk(context.Context, plan.Store, plan.Read) ([]driver.Value, error) {
	return nil, f.err
}

func (failing) BatchSize(plan.Read) int { return 1 }

func (f failing) GetBatch(context.Context, plan.Store, []plan.Read) ([]driver.Result, error) {
	return nil, f.err
}

// Explain passes on what the driver says, if it does.
func (f failing) Explain(err error) string {
	if d, ok := f.Driver.(interface{ Explain(err error) string }); ok {
		return d.Explain(err)
	}
	return err.Error()
}
