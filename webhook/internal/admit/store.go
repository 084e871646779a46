package admit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	admissionv1 "k8s.io/api/admission/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// store judges an object that others refer to: by itself, where its kind is judged so, and else its form alone. It is never denied for
// the objects that refer to it, or an administrator could be locked out by them; those that it forbids are named in warnings.
func (v *Validator) store(ctx context.Context, request admission.Request, kind dialect.StoreKind) verdict {
	if request.Operation == admissionv1.Delete {
		return verdict{} // what refers to it keeps its Secret
	}
	var updated, old dialect.Object
	var same bool
	refusal := v.decode(ctx, request, kind.New(), func(object dialect.Object) {
		updated = object
		old, same = before(request, kind.New())
	})
	if refusal.reason != "" {
		return refusal
	}
	decision, found := v.twice(ctx, func(resolve resolver) (planned, verdict) {
		return understand(ctx, updated, plannerOf(kind), resolve), verdict{}
	})
	if decision.reason != "" || same {
		return decision
	}
	for _, t := range v.Stored.examine(ctx, v.replacement(kind, updated, old, found.resolved)) {
		for _, n := range t.notices() {
			decision.warn(n)
		}
	}
	return decision
}

// before is the object as it was before an update, nil where there is none that can be read, and whether it differs in nothing that its
// author writes.
func before(request admission.Request, into dialect.Object) (old dialect.Object, same bool) {
	if request.Operation != admissionv1.Update || bounded(request.OldObject.Raw) != nil || json.Unmarshal(request.OldObject.Raw, into) != nil {
		return nil, false
	}
	into.SetNamespace(request.Namespace)
	var contents [2]map[string]any
	for i, raw := range [][]byte{request.Object.Raw, request.OldObject.Raw} {
		if json.Unmarshal(raw, &contents[i]) != nil {
			return into, false
		}
		delete(contents[i], "metadata")
		delete(contents[i], "status")
	}
	return into, reflect.DeepEqual(contents[0], contents[1])
}

// plannerOf makes Plans of stores, or none where those of a kind are not judged by themselves.
func plannerOf(kind dialect.StoreKind) planner {
	if judged, ok := kind.(dialect.Judged); ok {
		return judged
	}
	return unjudged{}
}

type unjudged struct{}

func (unjudged) References(dialect.Object, dialect.Resolved) []dialect.Reference { return nil }

func (unjudged) Plan(dialect.Object, dialect.Resolved) (*plan.Plan, field.ErrorList) { return nil, nil }

// replacement is a store in another one's place; old is nil where there was none.
func (v *Validator) replacement(kind dialect.StoreKind, updated, old dialect.Object, resolved dialect.Resolved) change {
	of := kind.Type()
	ref := dialect.Reference{Kind: of.GroupKind(), Namespace: updated.GetNamespace(), Name: updated.GetName()}
	beside := func(store dialect.Object) world {
		w := world{objects: dialect.Resolved{}, absent: ref, namespace: v.known()}
		maps.Copy(w.objects, resolved)
		if store != nil {
			w.objects[ref] = store
		}
		return w
	}
	from := ref.Namespace
	if _, shared := kind.(dialect.Shared); shared {
		from = "" // whose objects refer to it, nothing but the objects says
	}
	return change{
		dialect: of.Dialect, namespace: from, of: ref, updated: beside(updated), old: beside(old),
		forbids: fmt.Sprintf("this %s forbids %%s not forbidden before; refreshes of them end, their Secrets stay", of.Kind),
		looked:  fmt.Sprintf("only %%s could be examined for what this %s forbids: %%s", of.Kind),
	}
}

// known reads namespaces, each once.
func (v *Validator) known() func(context.Context, string) (policy.Namespace, bool) {
	type answer struct {
		ns policy.Namespace
		ok bool
	}
	asked := map[string]answer{}
	return func(ctx context.Context, name string) (policy.Namespace, bool) {
		a, before := asked[name]
		if !before {
			var err error
			a.ns, _, err = v.Namespaces.Known(ctx, name)
			a.ok = err == nil
			asked[name] = a
		}
		return a.ns, a.ok
	}
}
