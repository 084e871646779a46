package keys

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/syncer/internal/backoff"
)

// Schedule says when a key is made.
type Schedule struct {
	Period time.Duration // after the newest one; 0: never
	// Cutoff is a time: a key is made where the newest one is older, once the time has come. Zero: there is none.
	Cutoff time.Time
}

// Off reports whether no key is ever made, not even the first one.
func (s Schedule) Off() bool { return s.Period == 0 && s.Cutoff.IsZero() }

// Next is how long it is until a key is due; 0: one is now. never: none will be, with the keys that there are. Newest is nil where there
// is none.
func (s Schedule) Next(newest *Key, now time.Time) (wait time.Duration, never bool) {
	if s.Off() {
		return 0, true
	}
	if newest == nil {
		return 0, false
	}
	due := time.Time{}
	if s.Period > 0 {
		due = newest.At.Add(s.Period)
	}
	if newest.At.Before(s.Cutoff) && (due.IsZero() || s.Cutoff.Before(due)) {
		due = s.Cutoff
	}
	if due.IsZero() {
		return 0, true
	}
	return max(due.Sub(now), 0), false
}

const (
	// settle is how long it is until a key that was made must be known; and until another replica, whose turn it was, must have made one.
	settle = 10 * time.Second
	// slots bounds how many names are tried for one key: those before are of keys that were retired since.
	slots = 1000

	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// Renewer makes keys when they are due. Any number of replicas may run one: the name of a key follows from the one that it comes after, so
// that the API server lets a single one of them make it.
type Renewer struct {
	Ring     *Ring
	Secrets  typedcore.SecretInterface
	Schedule Schedule
	Bits     int
	TTL      time.Duration        // of the certificate
	Owns     func(types.UID) bool // whether it is this replica's turn: to make a key takes seconds of a processor. Nil: it is
	Log      *slog.Logger
}

// Run makes keys until ctx ends.
func (r *Renewer) Run(ctx context.Context) error {
	failures := 0
	for {
		now, err := r.Ring.await(ctx)
		var wait time.Duration
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it stops
		case err != nil: // the keys cannot be read
			wait = settle
		default:
			wait, err = r.look(ctx, now)
		}
		if err != nil {
			failures++
			wait = backoff.Step(failures, firstRetry, lastRetry)
			r.Log.WarnContext(ctx, "Cannot make a sealing key", "namespace", r.Ring.Namespace, "error", err, "nextAttempt", wait.String())
		} else {
			failures = 0
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-now.changed:
		case <-timer:
		}
	}
}

// look makes a key if one is due, and returns when to look again; 0: when the keys change.
func (r *Renewer) look(ctx context.Context, now snapshot) (time.Duration, error) {
	var newest *Key
	if len(now.keys) > 0 {
		newest = now.keys[0]
	}
	wait, never := r.Schedule.Next(newest, time.Now())
	switch {
	case never:
		return 0, nil
	case wait > 0:
		return wait, nil
	case r.Owns != nil && !r.Owns(types.UID(slotName(r.Ring.Prefix, newest, 0))):
		return settle, nil
	}
	return settle, r.make(ctx, newest)
}

// make makes the key that comes after another one, unless it is there.
func (r *Renewer) make(ctx context.Context, after *Key) error {
	var made *corev1.Secret
	for n := 0; n < slots; {
		name := slotName(r.Ring.Prefix, after, n)
		found, err := r.Secrets.List(ctx, metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector("metadata.name", name).String()})
		if err != nil {
			return said("list", err)
		}
		if i := indexOf(found.Items, name); i >= 0 {
			if _, err := parse(&found.Items[i], r.Ring.Order); err == nil && r.Ring.isKey(&found.Items[i]) {
				return nil // another replica was first
			}
			n++ // it was retired, or is no key: the name is taken
			continue
		}
		if made == nil {
			if made, err = generate(r.Bits, r.TTL, time.Now()); err != nil {
				return err
			}
		}
		made.Name = name
		_, err = r.Secrets.Create(ctx, made, metav1.CreateOptions{FieldManager: names.FieldManager})
		switch {
		case apierrors.IsAlreadyExists(err): // it is looked at again
		case err != nil:
			return said("create", err)
		default:
			r.Log.InfoContext(ctx, "A sealing key was made", "namespace", r.Ring.Namespace, "secret", name, "bits", r.Bits)
			return nil
		}
	}
	return fmt.Errorf("all of %d names for a key are taken: delete retired ones, or set another --sealed-key-prefix", slots)
}

func indexOf(all []corev1.Secret, name string) int {
	for i := range all {
		if all[i].Name == name {
			return i
		}
	}
	return -1
}

// said is what may be logged of the API server's refusal: what an admission policy or the validation of a Secret says may quote it.
func said(verb string, err error) error {
	if apierrors.IsForbidden(err) {
		return fmt.Errorf("the syncer may not %s Secrets there, or admission denies it: its ServiceAccount needs that right, "+
			"in that namespace alone; --sealed-key-renew-period=0 turns the renewal off", verb)
	}
	if reason := apierrors.ReasonForError(err); reason != metav1.StatusReasonUnknown {
		return fmt.Errorf("the API server refuses to %s a Secret: %s", verb, reason)
	}
	return errors.New("the API server does not answer")
}

// slotName is the name of the n-th Secret for the key that comes after another one: nil, the first of all. It is the same in all replicas.
func slotName(prefix string, after *Key, n int) string {
	h := sha256.New()
	if after != nil {
		_, _ = h.Write(after.Cert.Raw)
	}
	_, _ = fmt.Fprintf(h, "/%d", n)
	const digits = 5
	return prefix + "-" + hex.EncodeToString(h.Sum(nil)[:digits])
}

// generate makes a key and its certificate, as Sealed Secrets does.
func generate(bits int, ttl time.Duration, now time.Time) (*corev1.Secret, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	const serialBits = 127
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), NotBefore: now.UTC(), NotAfter: now.Add(ttl).UTC(),
		KeyUsage: x509.KeyUsageEncipherOnly, BasicConstraintsValid: true, IsCA: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{Label: Active}},
		Type:       corev1.SecretTypeTLS,
		Data: map[string][]byte{
			corev1.TLSPrivateKeyKey: pem.EncodeToMemory(&pem.Block{Type: blockPKCS1, Bytes: x509.MarshalPKCS1PrivateKey(private)}),
			corev1.TLSCertKey:       pem.EncodeToMemory(&pem.Block{Type: blockCert, Bytes: cert}),
		},
	}, nil
}
