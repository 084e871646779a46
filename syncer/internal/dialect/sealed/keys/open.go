package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/shared/plan"
)

// refusal is the error of a value that no key opens, as the keys are. Others say that it was not tried, or that there are no keys.
type refusal struct {
	before string // of a sentence that ends with why
	why    string // what the value is, and what to do, without a subject
}

// Error implements error.
func (r refusal) Error() string { return r.before + r.why }

// Open implements render.Opener.
func (r *Ring) Open(ctx context.Context, namespace string, sealed plan.Sealed) ([]byte, error) {
	now, err := r.await(ctx)
	if err != nil {
		return nil, err
	}
	return r.open(ctx, now, namespace, sealed)
}

// Opens reports whether a value can be opened, in turns of a line. It waits for no keys: where they have not been read, or there are none,
// which may be because they are about to be restored, that is unknown. Else closed says what the value is, so that no key opens it, and
// what to do; empty: one does.
func (r *Ring) Opens(ctx context.Context, line string, sealed plan.Sealed) (closed string, unknown error) {
	now := r.snapshot()
	switch {
	case !now.known && now.forbidden:
		return "", r.forbidden()
	case !now.known:
		return "", errors.New("the sealing keys have not been read yet")
	case len(now.keys) == 0:
		return "", r.none()
	}
	openable := false
	r.remember(now, func(m *memory) { openable = m.isOpenable(sealed) })
	if openable {
		return "", nil
	}
	value, err := r.open(ctx, now, line, sealed)
	clear(value)
	if refused, is := errors.AsType[refusal](err); is {
		return refused.why, nil
	}
	return "", err
}

func (r *Ring) open(ctx context.Context, now snapshot, line string, sealed plan.Sealed) ([]byte, error) {
	size := crypt.Modulus([]byte(sealed.Ciphertext))
	fitting, refused := r.fitting(now, sealed, size)
	switch {
	case size == 0:
		return nil, refusal{"it is ", "no sealed value, or is cut off: seal the value again by kubeseal"}
	case len(now.keys) == 0:
		return nil, r.none()
	case len(fitting) == 0:
		return nil, refusal{"it was ", fmt.Sprintf("sealed by a key of %d bits, and none of the cluster's keys has as many: restore that key "+
			"in namespace %s, or seal the value again by kubeseal", size*8, r.Namespace)}
	case refused:
		return nil, r.foreign()
	}
	end, err := r.Turns.Acquire(ctx, line)
	if err != nil {
		return nil, err
	}
	defer end()
	for _, key := range fitting {
		if value, err := crypt.Open(key.private, []byte(sealed.Ciphertext), sealed.Label); err == nil {
			r.remember(now, func(m *memory) { m.opened(sealed, key) })
			return value, nil
		}
	}
	r.remember(now, func(m *memory) { m.refuse(sealed) })
	return nil, r.foreign()
}

// fitting are the keys whose modulus has a number of bytes: the one that opened the last value of the same label, and then the newest ones.
// refused: it is known that none of them opens the value.
func (r *Ring) fitting(now snapshot, sealed plan.Sealed, size int) (fitting []*Key, refused bool) {
	for _, key := range now.keys {
		if key.private.Size() == size {
			fitting = append(fitting, key)
		}
	}
	r.remember(now, func(m *memory) {
		if i := slices.Index(fitting, m.openers[sealed.Label]); i > 0 {
			first := fitting[i]
			fitting = slices.Insert(slices.Delete(fitting, i, i+1), 0, first)
		}
		refused = m.isRefused(sealed)
	})
	return fitting, refused
}

// remember uses the memory of the keys at a moment; not if there are others by now.
func (r *Ring) remember(of snapshot, do func(*memory)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.number == of.number {
		do(&r.tried)
	}
}

func (r *Ring) forbidden() error {
	return fmt.Errorf("the syncer may not read the sealing keys: bind to its ServiceAccount, in namespace %s, a Role with the rule "+
		`{apiGroups: [""], resources: [secrets], verbs: [list, watch]}`, r.Namespace)
}

func (r *Ring) none() error {
	return fmt.Errorf("the cluster has no sealing key in namespace %s: restore the Secrets with the keys from their backup, "+
		"or have the syncer make a key (--sealed-key-renew-period)", r.Namespace)
}

func (r *Ring) foreign() error {
	return refusal{"no key of this cluster opens it: it was ", fmt.Sprintf("sealed for another cluster, for another namespace, name or "+
		"scope, or by a key that is gone: restore that key in namespace %s, or seal the value again by kubeseal", r.Namespace)}
}
