package main

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/secretgate/secretgate/shared/dialect/sealed/crypt"
	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// entriesOfSealed is how many values a SealedSecret of the benchmark has.
const entriesOfSealed = 2

// sealed starts the syncer cold on SealedSecrets, and then has the bare writer make the same writes: what opening costs is the difference.
func (b *bench) sealed(ctx context.Context) error {
	for i := range b.rounds {
		b.say("Sealed, %d objects: round %d of %d", b.small, i+1, b.rounds)
		if err := b.in(ctx, "sealed", func(ctx context.Context, w *world.World) error { return b.sealedRound(ctx, w, b.small) }); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) sealedRound(ctx context.Context, w *world.World, n int) error {
	key, err := w.InstallSealed(ctx)
	if err != nil {
		return err
	}
	objects := world.Distinct("app", n)
	if err := w.FurnishSealed(ctx, &key.PublicKey, objects...); err != nil {
		return err
	}
	s, err := newSealedSyncer(w)
	if err != nil {
		return err
	}
	if err := harness.Pause(ctx, time.Second); err != nil { // the API server's own work on what was stored
		return err
	}
	mark := w.Secrets.Expect(objects...)
	if err := s.Start(ctx); err != nil {
		return err
	}
	secrets, err := mark.Wait(ctx, maxWait(n))
	if err != nil {
		return err
	}
	cpu, err := measure.CPU(s.PID())
	if err != nil {
		return err
	}
	if _, err := w.AwaitSealedStatuses(ctx, maxWait(n), n); err != nil {
		return err
	}
	if err := w.Verify(ctx, objects); err != nil {
		return err
	}
	s.Stop()
	again, err := b.sealedRestart(ctx, w)
	if err != nil {
		return err
	}
	b.note("sealed", n, 1, "CPU of a restart, where nothing has to be opened", "s", again)
	opening, err := opening(key)
	if err != nil {
		return err
	}
	return b.noteSealed(ctx, w, objects, secrets, cpu, opening)
}

func newSealedSyncer(w *world.World) (*lab.Service, error) {
	s, err := w.NewSyncer()
	if err == nil {
		s.Args = append(s.Args,
			"--dialects=sealed", "--sealed-key-namespace="+lab.Namespace, "--sealed-key-renew-period=0", "--sealed-bind-address=0")
	}
	return s, err
}

// sealedRestart is what the syncer's next start takes of the processors, in seconds.
func (b *bench) sealedRestart(ctx context.Context, w *world.World) (cpu float64, err error) {
	s, err := newSealedSyncer(w)
	if err != nil {
		return 0, err
	}
	if err := s.Start(ctx); err != nil {
		return 0, err
	}
	defer s.Stop()
	if err := harness.Pause(ctx, b.interval/4); err != nil {
		return 0, err
	}
	return measure.CPU(s.PID())
}

// noteSealed notes a cold start beside the bare writer's work: all of it, and the rate after the first Secret.
func (b *bench) noteSealed(
	ctx context.Context, w *world.World, objects []world.Object, secrets []time.Duration, cpu, opening float64,
) error {
	n, all := len(objects), make([]writes, len(objects))
	for i, o := range objects {
		var err error
		if all[i], err = prepareSealed(w, o); err != nil {
			return err
		}
	}
	bare, err := write(ctx, w, all, b.workers)
	if err != nil {
		return err
	}
	ours, theirs := measure.Rate(secrets), measure.Rate(bare)
	floor := float64(n*entriesOfSealed) * opening
	b.note("sealed", n, 1, "all Secrets exist", "s", slices.Max(secrets).Seconds())
	b.note("sealed", n, 1, "the first Secret exists", "s", secrets[0].Seconds())
	b.note("sealed", n, 1, rateName, perSecond, ours)
	b.note("sealed", n, 1, bareName, perSecond, theirs)
	b.note("sealed", n, 1, relativeName, "", ours/theirs)
	b.note("sealed", n, 1, "CPU until all Secrets exist", "s", cpu)
	b.note("sealed", n, 1, "one value opened by itself", "ms", opening*1000)
	b.note("sealed", n, 1, "CPU that opening all values takes by itself", "s", floor)
	b.say("  %.0f Secrets a second; bare writer %.0f with %d at a time; %.1f s of CPU, of which opening takes %.1f",
		ours, theirs, b.workers, cpu, floor)
	return nil
}

// opening is how much time of a processor it takes to open one value, in seconds: mostly RSA's private operation. What others use of the
// processors does not count.
func opening(key *rsa.PrivateKey) (float64, error) {
	const times = 200
	sealed, err := crypt.Seal(&key.PublicKey, []byte("a password of 26 characters"), "bench-0/app-00000")
	if err != nil {
		return 0, err
	}
	before, err := measure.CPU(os.Getpid())
	if err != nil {
		return 0, err
	}
	for range times {
		if _, err := crypt.Open(key, sealed, "bench-0/app-00000"); err != nil {
			return 0, err
		}
	}
	after, err := measure.CPU(os.Getpid())
	return (after - before) / times, err
}

// prepareSealed is prepare for a SealedSecret, whose status has a condition.
func prepareSealed(w *world.World, o world.Object) (one writes, err error) {
	name := "bare-" + o.Name
	one.secretPath = fmt.Sprintf("/api/v1/namespaces/%s/secrets/%s?fieldManager=bare&force=true", o.Namespace, name)
	one.statusPath = world.SealedPath(o) + "/status?fieldManager=bare"
	if one.secret, err = secretOf(w, o, name, "bitnami.com/v1alpha1", "SealedSecret"); err != nil {
		return one, err
	}
	now := time.Now().UTC().Format(time.RFC3339)
	one.status, err = json.Marshal(map[string]any{"status": map[string]any{
		"observedGeneration": 1,
		"conditions": []any{map[string]any{
			"type": "Synced", "status": "True", "reason": "Synced", "message": "", "lastTransitionTime": now, "lastUpdateTime": now,
		}},
	}})
	return one, err
}
