package explain

import (
	"cmp"
	"slices"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/webhook/cli/shape"
)

// Count counts the objects of a kind by their namespace and the reason of their condition Ready.
func Count(k dialect.Kind, objects []dialect.Object) []shape.ObjectsCount {
	counted := map[shape.ObjectsCount]int{}
	for _, o := range objects {
		counted[shape.ObjectsCount{
			Namespace: o.GetNamespace(), Kind: k.Type().Kind, Reason: string(k.Status(o).Record().Reason),
		}]++
	}
	all := make([]shape.ObjectsCount, 0, len(counted))
	for one, n := range counted {
		one.Count = n
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b shape.ObjectsCount) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Reason, b.Reason))
	})
	return all
}
