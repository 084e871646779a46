package shard

import (
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// contents are the objects that an informer has, or may have, each with the uid that decides its share.
type contents struct {
	owners map[types.NamespacedName]types.UID
	count  prometheus.Gauge
}

func (c *contents) has(key types.NamespacedName) bool {
	_, ok := c.owners[key]
	return ok
}

func (c *contents) add(key types.NamespacedName, owner types.UID) {
	if c.owners == nil {
		c.owners = map[types.NamespacedName]types.UID{}
	}
	if !c.has(key) {
		c.count.Inc()
	}
	c.owners[key] = owner
}

func (c *contents) remove(key types.NamespacedName) {
	if c.has(key) {
		c.count.Dec()
		delete(c.owners, key)
	}
}

func (c *contents) clear() {
	c.count.Sub(float64(len(c.owners)))
	c.owners = nil
}

func keyOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetName()}
}
