package keys

import (
	"context"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/shared/fair"
)

// Ring is all keys. It may be used concurrently. Its fields may not be changed once it is in use.
type Ring struct {
	Namespace string
	Prefix    string // a Secret of this name is a key without the label, as of the first versions of Sealed Secrets
	Order     Order
	// Came is called when a key came that was not there. Nil: not called.
	Came func()
	// Malformed is called for a Secret that should be a key and is none, with a sentence about it, once for each of its versions. Nil: not
	// called.
	Malformed func(secret *corev1.Secret, problem string)

	// Turns are those of Open: namespaces take turns.
	Turns fair.Turns

	mu      sync.Mutex
	lists   [watches]map[string]*Key // as each watch has them, by the names of their Secrets
	listed  [watches]bool
	flawed  map[string]string // the version of each Secret that Malformed was called for
	keys    []*Key            // of all lists, the newest first
	number  uint64            // of the keys as they are
	tried   memory
	failed  [watches]error // why they cannot be read, until they have been
	changed chan struct{}  // is closed when any of these changes
}

// snapshot is the keys at a moment.
type snapshot struct {
	known     bool // they have been read
	forbidden bool // they may not be
	keys      []*Key
	number    uint64
	changed   <-chan struct{}
}

func (r *Ring) snapshot() snapshot {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.changed == nil {
		r.changed = make(chan struct{})
	}
	return snapshot{
		known: !slices.Contains(r.listed[:], false), keys: r.keys, number: r.number, changed: r.changed,
		forbidden: slices.ContainsFunc(r.failed[:], apierrors.IsForbidden),
	}
}

// await waits until the keys have been read, or it is known why they cannot be.
func (r *Ring) await(ctx context.Context) (snapshot, error) {
	for {
		now := r.snapshot()
		switch {
		case now.known:
			return now, nil
		case now.forbidden:
			return now, r.forbidden()
		}
		select {
		case <-ctx.Done():
			return now, ctx.Err()
		case <-now.changed:
		}
	}
}

// Newest is the key by which values are sealed; nil: there is none.
func (r *Ring) Newest(ctx context.Context) (*Key, error) {
	now, err := r.await(ctx)
	if err != nil || len(now.keys) == 0 {
		return nil, err
	}
	return now.keys[0], nil
}

// Seal seals a value by the newest key.
func (r *Ring) Seal(ctx context.Context, value []byte, label string) ([]byte, error) {
	key, err := r.Newest(ctx)
	switch {
	case err != nil:
		return nil, err
	case key == nil:
		return nil, r.none()
	}
	return crypt.Seal(&key.private.PublicKey, value, label)
}

// isKey reports whether a Secret is one that opens values.
func (r *Ring) isKey(secret *corev1.Secret) bool {
	value, labelled := secret.Labels[Label]
	return value == Active || !labelled && secret.Name == r.Prefix
}

// put takes Secrets as a watch has them: all that there are, or single ones. Those that are no keys are removed.
func (r *Ring) put(watch int, all bool, secrets ...*corev1.Secret) {
	var malformed []func()
	r.mu.Lock()
	if all || r.lists[watch] == nil {
		r.lists[watch] = map[string]*Key{}
	}
	for _, secret := range secrets {
		delete(r.lists[watch], secret.Name)
		if !r.isKey(secret) {
			delete(r.flawed, secret.Name)
			continue
		}
		key, err := parse(secret, r.Order)
		if err == nil {
			r.lists[watch][secret.Name] = key
			delete(r.flawed, secret.Name)
			continue
		}
		if version := string(secret.UID) + "/" + secret.ResourceVersion; r.Malformed != nil && r.flawed[secret.Name] != version {
			if r.flawed == nil {
				r.flawed = map[string]string{}
			}
			r.flawed[secret.Name] = version
			malformed = append(malformed, func() { r.Malformed(secret, "it is no sealing key, and is not used: "+err.Error()) })
		}
	}
	r.listed[watch] = r.listed[watch] || all
	if all {
		r.failed[watch] = nil
	}
	came := r.rebuild()
	r.mu.Unlock()
	for _, call := range malformed {
		call()
	}
	if came && r.Came != nil {
		r.Came()
	}
}

// remove removes the key of a Secret that is gone.
func (r *Ring) remove(watch int, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lists[watch], name)
	delete(r.flawed, name)
	r.rebuild()
}

// fail says why a watch cannot read the keys.
func (r *Ring) fail(watch int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[watch] = err
	r.announce()
}

// rebuild makes the list of all keys anew, and reports whether there are some that were not there before. A key that is in several Secrets
// is there once.
func (r *Ring) rebuild() (came bool) {
	named, before := map[string]*Key{}, r.keys
	for _, list := range r.lists {
		maps.Copy(named, list)
	}
	r.keys = nil
	for _, key := range slices.SortedFunc(maps.Values(named), newer) {
		if !holds(r.keys, key) {
			r.keys = append(r.keys, key)
		}
		came = came || !holds(before, key)
	}
	if came || len(before) != len(r.keys) { // else they are the same ones
		r.number++
		r.tried.forget()
	}
	r.announce()
	return came
}

func holds(all []*Key, key *Key) bool {
	return slices.ContainsFunc(all, func(k *Key) bool { return k.private.PublicKey.Equal(&key.private.PublicKey) })
}

func (r *Ring) announce() {
	if r.changed != nil {
		close(r.changed)
	}
	r.changed = make(chan struct{})
}
