package driver_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// echo reads the name of a secret as its value.
func echo(_ context.Context, name string) (driver.Value, error) {
	return driver.Value{Data: []byte(name)}, nil
}

func TestWhatASearchFinds(t *testing.T) {
	type listed struct {
		name string
		tags map[string]string
	}
	all := []listed{
		{"db-1", map[string]string{"team": "core", "stage": "dev"}}, {"db-2", map[string]string{"team": "core"}},
		{"web", map[string]string{"team": "corer"}}, {"DB-3", nil}, {"db-1", map[string]string{"team": "core", "stage": "dev"}},
	}
	for name, test := range map[string]struct {
		read plan.Read
		want []string
	}{
		"all, each once":                    {plan.Read{}, []string{"db-1", "db-2", "web", "DB-3"}},
		"those that begin so, in this case": {plan.Read{Key: "db-"}, []string{"db-1", "db-2"}},
		"those that have a tag":             {plan.Read{Tags: "team=core"}, []string{"db-1", "db-2"}},
		"those that have all tags":          {plan.Read{Tags: plan.ListOf("team=core", "stage=dev")}, []string{"db-1"}},
		"those that have a tag and begin so": {
			plan.Read{Key: "w", Tags: "team=corer"}, []string{"web"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found := driver.Found{Read: test.read}
			for _, one := range all {
				if err := found.Add(one.name, one.tags); err != nil {
					t.Fatal(err)
				}
			}
			values, err := found.Values(t.Context(), echo)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, value := range values {
				if value.Name != string(value.Data) {
					t.Errorf("%s has the value of %s", value.Name, value.Data)
				}
				got = append(got, value.Name)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASearchIsBounded(t *testing.T) {
	found := driver.Found{Read: plan.Read{Key: "a"}}
	var err error
	for i := 0; err == nil && i <= 2*driver.MaxFound; i++ {
		if err = found.Add(fmt.Sprint("a", i), nil); err == nil && i >= driver.MaxFound {
			t.Fatalf("%d names are found, want %d at most", i+1, driver.MaxFound)
		}
	}
	if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Invalid {
		t.Errorf("got %v, want that there are too many", err)
	}
	err = nil
	for i := 0; err == nil && i <= driver.MaxPages; i++ {
		err = found.Page()
	}
	if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Unavailable {
		t.Errorf("got %v after %d pages, want that the list has no end", err, driver.MaxPages)
	}
	large := strings.Repeat("x", 1<<20)
	_, err = found.Values(t.Context(), func(context.Context, string) (driver.Value, error) { return driver.Value{Data: []byte(large)}, nil })
	if failed, ok := errors.AsType[*driver.Error](err); !ok || failed.Kind != driver.Invalid || !strings.Contains(failed.Problem, "16 MiB") {
		t.Errorf("got %v, want that they have too much", err)
	}
}

func TestWhatWasFoundIsNotMissing(t *testing.T) {
	missing := &driver.Error{Kind: driver.NotFound, Problem: "gone"}
	found := driver.Found{}
	if err := found.Add("a", nil); err != nil {
		t.Fatal(err)
	}
	_, err := found.Values(t.Context(), func(context.Context, string) (driver.Value, error) { return driver.Value{}, missing })
	if err == nil || err.Error() != "a: gone" || driver.KindOfItem(err, driver.NotFound) != driver.Unavailable {
		t.Errorf("got %v of kind %s, want it unavailable", err, driver.KindOfItem(err, driver.NotFound))
	}
	if got := driver.KindOfItem(err, driver.Denied); got != driver.Denied {
		t.Errorf("a denial is %s", got)
	}
	_, err = (&driver.Found{}).Values(t.Context(), echo)
	if failed, ok := errors.AsType[*driver.Error](err); !ok || driver.KindOfItem(err, failed.Kind) != driver.NotFound {
		t.Errorf("got %v where nothing is found, want that it is missing", err)
	}
}
