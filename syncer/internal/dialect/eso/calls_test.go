package eso

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

// missing is a driver whose key "a" is there, and no other.
type missing struct{}

func (missing) Get(_ context.Context, _ plan.Store, read plan.Read) (driver.Value, error) {
	if read.Key == "a" {
		return driver.Value{Data: []byte("x")}, nil
	}
	return driver.Value{}, &driver.Error{Kind: driver.NotFound, Problem: "there is none"}
}

func (missing) Classify(error) driver.Kind { return driver.NotFound }

func (missing) Hint(error, plan.Source) string { return "" }

func TestCallsOfProviders(t *testing.T) {
	calls := backend.NewMetrics()
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: missing{}, backends.AWSParameterStore: missing{}}, Metrics: calls}
	for _, source := range []plan.Source{
		{Store: plan.Store{Backend: backends.Vault}, Read: plan.Read{Key: "a"}},
		{Store: plan.Store{Backend: backends.Vault}, Read: plan.Read{Key: "a"}},
		{Store: plan.Store{Backend: backends.Vault}, Read: plan.Read{Key: "b"}},
		{Store: plan.Store{Backend: backends.AWSParameterStore}, Read: plan.Read{Key: "b"}},
	} {
		_, _ = client.Get(t.Context(), source) // what it answers is not the question
	}
	want := map[string]float64{
		"externalsecret_provider_api_calls_count{call=get,provider=HashiCorp/Vault,status=success}":  2,
		"externalsecret_provider_api_calls_count{call=get,provider=HashiCorp/Vault,status=error}":    1,
		"externalsecret_provider_api_calls_count{call=get,provider=AWS/ParameterStore,status=error}": 1,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, providerCalls{calls})); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
	for _, b := range backends.All() {
		if providers[b.Name] == "" {
			t.Errorf("%s has no name", b.Name)
		}
	}
}
