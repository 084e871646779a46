package main

import (
	"context"
	"slices"

	"github.com/secretgate/secretgate/tests/bench/world"
)

const templatesRatioName = "all Secrets exist, with templates to without"

// templates starts the syncer cold on objects without templates and on the same with one of three expressions each, by turns, on labs of
// their own.
func (b *bench) templates(ctx context.Context) error {
	for i := range b.rounds {
		b.say("Templates, %d objects: round %d of %d", b.small, i+1, b.rounds)
		seconds := map[bool]float64{}
		for _, templated := range []bool{false, true} {
			err := b.in(ctx, "templates", func(ctx context.Context, w *world.World) error {
				objects := world.Distinct("app", b.small)
				for i := range objects {
					objects[i].Templated = templated
				}
				c, err := start(ctx, w, 1, objects)
				if err == nil {
					seconds[templated] = slices.Max(c.secrets).Seconds()
				}
				return err
			})
			if err != nil {
				return err
			}
		}
		b.note("templates", b.small, 1, "all Secrets exist, without templates", "s", seconds[false])
		b.note("templates", b.small, 1, "all Secrets exist, with templates", "s", seconds[true])
		b.note("templates", b.small, 1, templatesRatioName, "", seconds[true]/seconds[false])
	}
	return nil
}
