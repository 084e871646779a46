package kind

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/secretgate/secretgate/shared/api/secretsmanager/v1alpha1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/controller"
)

// SecretName is the index of cached SecretDefinitions by the Secret that they name.
const SecretName = "spec.name"

// IndexSecretName makes an entry of the index.
func IndexSecretName(object client.Object) []string {
	if d, ok := object.(*v1alpha1.SecretDefinition); ok {
		return []string{d.Spec.Name}
	}
	return nil
}

// Definitions are the SecretDefinitions that this syncer serves.
type Definitions struct {
	Where      plan.Definitions
	Controller string   // its name
	Watched    []string // namespaces; empty: all
	Excluded   []string // namespaces that are not served, though they be watched

	Client client.Client // reads SecretDefinitions from a cache, indexed by SecretName
	Live   client.Reader // reads past the cache
	Writer *apply.Writer
}

// API describes them. An object names its Secret.
func (d *Definitions) API() controller.API {
	return controller.API{
		Name:     d.Controller,
		New:      func() controller.Object { return &v1alpha1.SecretDefinition{} },
		List:     &v1alpha1.SecretDefinitionList{},
		Plan:     d.plan,
		Serves:   func(object controller.Object) bool { return d.servesIn(object.GetNamespace()) },
		ServesIn: d.servesIn,
		Rival: "if tuenti's secrets-manager still runs, scale it to zero, " +
			"or give each of the two its own namespaces by --watch-namespaces and --exclude-namespaces",
		Advice:  apply.Advice{Elsewhere: "set another spec.name", Adopt: "delete it, or set another spec.name"},
		MadeBy:  d.madeBy,
		Adopt:   d.adopt,
		Release: d.release,
	}
}

func (d *Definitions) plan(object controller.Object) (*plan.Plan, field.ErrorList) {
	definition, _ := object.(*v1alpha1.SecretDefinition) // as API.New makes them
	return plan.FromDefinition(definition, d.Where)
}

// servesIn lets exclusion win.
func (d *Definitions) servesIn(namespace string) bool {
	return !slices.Contains(d.Excluded, namespace) && (len(d.Watched) == 0 || slices.Contains(d.Watched, namespace))
}

func (d *Definitions) madeBy(ctx context.Context, secret types.NamespacedName) []types.NamespacedName {
	list := &v1alpha1.SecretDefinitionList{}
	err := d.Client.List(ctx, list, client.InNamespace(secret.Namespace), client.MatchingFields{SecretName: secret.Name})
	if err != nil {
		log.FromContext(ctx).Error(err, "looking for whom a changed Secret was made", "namespace", secret.Namespace, "secret", secret.Name)
		return nil
	}
	names := make([]types.NamespacedName, 0, len(list.Items))
	for i := range list.Items {
		names = append(names, client.ObjectKeyFromObject(&list.Items[i]))
	}
	return names
}
