package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/secretgate/secretgate/shared/dialect"
)

// stores is a kind that objects refer to.
type stores struct{ dialect.StoreKind }

func (stores) Type() dialect.Type {
	return dialect.Type{GroupVersionKind: schema.GroupVersionKind{Group: "fake.example", Version: "v1", Kind: "Store"}}
}
func (stores) New() dialect.Object { return &corev1.ConfigMap{} }

// answering answers for informers.
type answering struct {
	cache.Informers
	err error
}

func (a answering) GetInformer(context.Context, client.Object, ...cache.InformerGetOption) (cache.Informer, error) {
	return nil, a.err
}

func TestAKindOfStoresThatIsNotInstalledEndsNothing(t *testing.T) {
	missing := &meta.NoKindMatchError{GroupKind: schema.GroupKind{Group: "fake.example", Kind: "Store"}}
	for name, tc := range map[string]struct{ err, want error }{
		"installed":     {nil, nil},
		"not installed": {missing, nil},
		"unreachable":   {errors.New("connection refused"), errors.New("watch kind Store: connection refused")},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			err := watchStores(t.Context(), answering{err: tc.err}, []dialect.StoreKind{stores{}}, slog.New(slog.NewTextHandler(&lines, nil)))
			if (err == nil) != (tc.want == nil) || err != nil && err.Error() != tc.want.Error() {
				t.Errorf("got %v, want %v", err, tc.want)
			}
			if said := strings.Contains(lines.String(), "is not installed"); said != errors.Is(tc.err, error(missing)) {
				t.Errorf("the log says %q", lines.String())
			}
		})
	}
}
