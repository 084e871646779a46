package check

import (
	"context"
	"fmt"

	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// compare reports whether the verdict on an object depends on how patterns are matched, and why. An
// object that cannot be parsed is denied either way.
func (c *Checker) compare(ctx context.Context, o object, s served) *findings {
	f := c.about(o)
	conversion := admit.Convert(s.deprecations, o.value, nil, admit.Writer{})
	found, err := c.parse(ctx, conversion.Object, o, s)
	p := found.plan
	if err != nil || len(conversion.Conflicts)+len(found.wrong) > 0 || p == nil {
		return f
	}
	ns, ok := c.namespace(ctx, f, p.Object.Namespace)
	if !ok {
		return f
	}
	anywhere, whole := c.Settings, c.Settings
	anywhere.Legacy, whole.Legacy = true, false
	kes, ours := policy.Check(p, ns, anywhere), policy.Check(p, ns, whole)
	switch {
	case len(kes) == 0:
		c.differs(f, ours, "KES's matching permits it (a pattern may match anywhere in a value, an empty annotation permits all), ours does not")
	case len(ours) == 0:
		c.differs(f, kes, "matching of whole values permits it, KES's does not")
	}
	return f
}

func (c *Checker) differs(f *findings, reasons policy.Violations, why string) {
	for _, reason := range reasons {
		f.add(Error, Matching, reason.Field, fmt.Sprintf("%s: %s", why, reason.ErrorBody()))
	}
}
