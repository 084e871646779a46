package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
)

func replicaCounts() []int { return []int{1, 2, 4} }

// shardObjects, of this kind, is how many objects a replica serves, by its own metrics.
const shardObjects, shardKind = "secretgate_shard_objects", `kind="ExternalSecret"`

// balance is how far from its even share a replica may be, as a part of it.
const balance = 0.2

// replicasCold measures a cold start of so many replicas at once, and how they divide the objects.
func (b *bench) replicasCold(ctx context.Context, replicas int) error {
	if replicas == 1 && b.wants("cold") {
		return nil // derive takes that scenario's numbers
	}
	for i := range b.rounds {
		b.say("Replicas, %d of them: cold start %d of %d", replicas, i+1, b.rounds)
		err := b.in(ctx, "replicas", func(ctx context.Context, w *world.World) error {
			objects := world.Distinct("app", b.small)
			c, err := start(ctx, w, replicas, objects)
			if err != nil {
				return err
			}
			b.note("replicas", b.small, replicas, coldRateName, perSecond, measure.Rate(c.secrets))
			b.note("replicas", b.small, replicas, "cold: all Secrets exist", "s", c.secrets[len(c.secrets)-1].Seconds())
			return b.noteShares(ctx, replicas, c.syncers)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const coldRateName = "cold: " + rateName

// noteShares notes how the replicas divide objects and memory.
func (b *bench) noteShares(ctx context.Context, replicas int, syncers []*lab.Service) error {
	shares, err := served(ctx, syncers)
	if err != nil {
		return err
	}
	used, err := memory(syncers)
	if err != nil {
		return err
	}
	most := 0.0
	for _, m := range used {
		most = max(most, m.RSS)
	}
	spread := 100 * spread(shares)
	b.note("replicas", b.small, replicas, spreadName, "%", spread)
	b.note("replicas", b.small, replicas, "RSS of the largest", "MiB", most)
	b.say("  objects by replica: %v (within %.0f %%), RSS at most %.0f MiB", shares, spread, most)
	return nil
}

const spreadName = "objects of the one furthest from its even share, off by"

// served asks each replica how many objects it serves.
func served(ctx context.Context, syncers []*lab.Service) ([]float64, error) {
	shares := make([]float64, len(syncers))
	for i, s := range syncers {
		n, found, err := harness.Metric(ctx, s.MetricsAddress, shardObjects, shardKind)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("%s has no metric %s, which tells how the objects are divided", s.Name, shardObjects)
		}
		shares[i] = n
	}
	return shares, nil
}

// spread is how far the one furthest from the even share is off, as a part of that share.
func spread(shares []float64) float64 {
	total := 0.0
	for _, n := range shares {
		total += n
	}
	even, most := total/float64(len(shares)), 0.0
	for _, n := range shares {
		most = max(most, math.Abs(n-even)/even)
	}
	return most
}

const (
	distinctName = "backend calls an interval, distinct sources"
	ratioName    = "backend calls, as a part of one replica's"
	sharedName   = "backend calls an interval, one shared source"
)

// replicasSteady counts what so many replicas call in steady state, then, beginning with one replica, adds and kills some.
func (b *bench) replicasSteady(ctx context.Context, replicas int) error {
	return b.in(ctx, "replicas", func(ctx context.Context, w *world.World) error {
		objects := append(world.Distinct("app", b.small), b.sharers()...)
		c, err := start(ctx, w, replicas, objects)
		if err != nil {
			return err
		}
		if err := harness.Pause(ctx, b.interval); err != nil {
			return err
		}
		for range b.rounds {
			seen, err := b.watch(ctx, w, c.syncers)
			if err != nil {
				return err
			}
			shared := seen.as(aws.TestRoleARN)
			distinct := sum(seen.calls) - shared
			b.note("replicas", b.small, replicas, distinctName, "", float64(distinct))
			b.note("replicas", b.small, replicas, sharedName, "", float64(shared))
			b.note("replicas", b.small, replicas, "CPU an interval, all together", "s", seen.cpu)
			b.say("  replicas, %d of them: %d calls for distinct sources, %d for the shared one", replicas, distinct, shared)
		}
		if replicas > 1 {
			return w.Verify(ctx, objects)
		}
		return b.comeAndGo(ctx, w, c.syncers[0], objects)
	})
}

// sharers are a tenth as many objects more, which read one source under a role of their own: the clouds count by identity.
func (b *bench) sharers() []world.Object {
	objects := world.Shared("shared", b.small/10)
	for i := range objects {
		objects[i].Role = aws.TestRoleARN
	}
	return objects
}

// as counts the calls to Secrets Manager that were made under a role.
func (seen window) as(roleARN string) int {
	total, role := 0, roleARN[strings.LastIndex(roleARN, "/")+1:]
	for key, n := range seen.calls {
		if key.Service == "secretsmanager" && strings.Contains(key.Identity, ":assumed-role/"+role+"/") {
			total += n
		}
	}
	return total
}

// comeAndGo starts a second replica and then kills the older of the two, again and again.
func (b *bench) comeAndGo(ctx context.Context, w *world.World, older *lab.Service, objects []world.Object) error {
	for range b.rounds {
		younger, err := w.NewSyncer()
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := younger.Start(ctx); err != nil {
			return err
		}
		if err := balanced(ctx, len(objects), older, younger); err != nil {
			return err
		}
		took := time.Since(begin).Seconds()
		b.note("replicas", b.small, 2, "scale-out from 1, balanced after", "s", took)
		if err := harness.Pause(ctx, b.interval/4); err != nil { // the dead one should have been a settled one
			return err
		}
		served, err := b.kill(ctx, w, older, objects)
		if err != nil {
			return err
		}
		b.note("replicas", b.small, 2, "kill -9 of one, all its objects are served after", "s", served.Seconds())
		b.say("  replicas: a second one has its share after %.1f s; a dead one's objects are served after %.1f s", took, served.Seconds())
		older = younger
	}
	return w.Verify(ctx, objects)
}

// balanced waits until every object is some replica's, and each replica has its even share.
func balanced(ctx context.Context, objects int, syncers ...*lab.Service) error {
	return harness.Poll{Limit: time.Minute, Every: 50 * time.Millisecond}.Until(ctx, func() error {
		shares, err := served(ctx, syncers)
		if err != nil {
			return err
		}
		total := 0.0
		for _, n := range shares {
			total += n
		}
		if int(total) != objects || spread(shares) > balance {
			return fmt.Errorf("the replicas are not balanced: %v of %d objects", shares, objects)
		}
		return nil
	})
}

// kill ends a replica without a word, edits every object, and answers how long after the death the last one's Secret
// followed its object. Edits are served at once, so no refresh interval hides in it; those of the dead replica's objects
// wait for another replica to take over.
func (b *bench) kill(ctx context.Context, w *world.World, victim *lab.Service, objects []world.Object) (time.Duration, error) {
	for i := range objects {
		objects[i].Copy = !objects[i].Copy
	}
	mark := w.Secrets.Expect(objects...)
	victim.Kill()
	mark.Start = time.Now()
	if err := w.Edit(ctx, objects...); err != nil {
		return 0, err
	}
	took, err := mark.Wait(ctx, 2*b.interval+maxWait(len(objects)))
	if err != nil {
		return 0, err
	}
	return took[len(took)-1], nil
}
