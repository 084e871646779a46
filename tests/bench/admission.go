package main

import (
	"context"
	"fmt"
	"time"

	"github.com/secretgate/secretgate/tests/bench/measure"
	"github.com/secretgate/secretgate/tests/bench/world"
	"github.com/secretgate/secretgate/tests/harness"
)

// teamsPerObject makes 2,000 namespaces of a whole run's small number of objects. Each has a policy, and one object to begin with.
const teamsPerObject = 2

// entriesPerObject are the sizes of objects.
func entriesPerObject() []int { return []int{1, 10, 500} }

// admission measures one replica of the webhook: what it adds to creates at the API server, how fast it judges when it is asked
// as often as it answers, and how fast at the pace of a busy cluster.
func (b *bench) admission(ctx context.Context) error {
	such := world.Options{Webhook: true, NoAudit: true}
	return b.inSuch(ctx, "admission", such, func(ctx context.Context, w *world.World) error {
		n := teamsPerObject * b.small
		b.say("Admission, %d namespaces: starting", n)
		a, err := w.Admission(ctx)
		if err != nil {
			return err
		}
		defer a.Close()
		if err := w.Teams(ctx, n); err != nil {
			return err
		}
		if err := a.Switch(ctx, world.None); err != nil {
			return err
		}
		standing := make([]world.Manifest, n)
		for i := range standing {
			standing[i] = world.Manifest{Team: i, Name: "standing", Entries: 2}
		}
		if err := w.Store(ctx, standing...); err != nil {
			return err
		}
		for i := range b.rounds {
			r := &admissionRound{bench: b, world: w, admission: a, teams: n, name: fmt.Sprintf("round-%d", i+1)}
			for _, part := range []func(context.Context) error{r.creates, r.calls, r.verdicts, r.applies} {
				if err := part(ctx); err != nil {
					return err
				}
			}
		}
		memory, err := measure.MemoryOf(w.Lab.Webhook.PID())
		b.note("admission", n, 1, "webhook's peak RSS", "MiB", memory.Peak)
		return err
	})
}

// admissionRound is one round.
type admissionRound struct {
	*bench
	world     *world.World
	admission *world.Admission
	teams     int
	name      string
	made      int // objects so far
}

func (r *admissionRound) keep(name, unit string, value float64) {
	r.note("admission", r.teams, 1, name, unit, value)
}

// manifest is one that was not there before, of the team whose turn it is.
func (r *admissionRound) manifest(entries int, old bool) world.Manifest {
	r.made++
	return world.Manifest{Team: r.made % r.teams, Name: fmt.Sprintf("%s-%d", r.name, r.made), Entries: entries, Old: old}
}

// asked is what the API server has asked both webhooks of ExternalSecrets so far.
type asked struct {
	calls  float64 // as the webhook counts them
	waited float64 // milliseconds, as the API server does
}

func (r *admissionRound) asked(ctx context.Context) (asked, error) {
	text, err := r.world.Client.Text(ctx, "/metrics")
	if err != nil {
		return asked{}, err
	}
	var a asked
	for _, webhook := range []string{"mutating", "validating"} {
		calls, _, err := harness.Metric(ctx, r.world.Lab.Webhook.MetricsAddress, handlerMetric+"_count", webhookLabel(webhook))
		if err != nil {
			return a, err
		}
		name := map[string]string{"mutating": "mutate", "validating": "validate"}[webhook] + ".externalsecrets.secretgate.io"
		waited, _, err := harness.Metrics(text).Sum("apiserver_admission_webhook_admission_duration_seconds_sum", fmt.Sprintf("name=%q", name))
		if err != nil {
			return a, err
		}
		a.calls, a.waited = a.calls+calls, a.waited+1000*waited
	}
	return a, nil
}

// calls counts what the API server asks when an object of either form is created, and how long it waits for that.
func (r *admissionRound) calls(ctx context.Context) error {
	if err := r.admission.Switch(ctx, world.Ours); err != nil {
		return err
	}
	for _, f := range forms() {
		before, err := r.asked(ctx)
		if err != nil {
			return err
		}
		for range r.trials {
			if err := r.world.Store(ctx, r.manifest(10, f.old)); err != nil {
				return err
			}
		}
		after, err := r.asked(ctx)
		if err != nil {
			return err
		}
		n := float64(r.trials)
		r.keep(callsName(f.name), "", (after.calls-before.calls)/n)
		r.keep("10 entries, "+f.name+": the API server waits for "+f.calls+", mean", "ms", (after.waited-before.waited)/n)
	}
	return nil
}

// form is a way to write a manifest.
type form struct {
	name  string
	old   bool
	calls string // that it takes to create an object of it
}

func forms() []form {
	return []form{{"current form", false, "one call"}, {"deprecated form", true, "both calls"}}
}

func callsName(form string) string { return "calls of a create, " + form }

const handlerMetric = "secretgate_admission_duration_seconds"

func webhookLabel(webhook string) string { return fmt.Sprintf("webhook=%q", webhook) }

// milliseconds are the median and the 99th percentile of durations.
func milliseconds(durations []time.Duration) (median, p99 float64) {
	values := measure.Milliseconds(durations...)
	return measure.Median(values), measure.Percentile(values, 99)
}
