package render

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

// object is a JSON object of so many members.
func object(members int) string {
	var b bytes.Buffer
	b.WriteByte('{')
	for i := range members {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"k%d":1`, i)
	}
	b.WriteByte('}')
	return b.String()
}

// nested is an object in an object, so often, around a text.
func nested(depth, size int) string {
	return strings.Repeat(`{"a":`, depth) + `"` + strings.Repeat("x", size) + `"` + strings.Repeat("}", depth)
}

// thousand makes a plan of a thousand entries.
func thousand(entry func(i int) plan.Entry) *plan.Plan {
	p := &plan.Plan{Words: words}
	for i := range 1000 {
		p.Entries = append(p.Entries, entry(i))
	}
	return p
}

func propertyEntry(i int, property string) plan.Entry {
	return plan.Entry{Field: fmt.Sprintf("spec.data[%d]", i), Name: fmt.Sprintf("n%d", i), Property: property, Source: plan.Source{Read: plan.Read{Key: "k"}}}
}

// What an author asks for and what a value holds must not decide how long a worker is busy, and with how much memory. The
// hostile objects are counted, not timed: by the work that was taken, and by the bytes that were allocated.
func TestAnObjectCostsWhatItsBudgetAllows(t *testing.T) {
	const mib = 1 << 20
	for _, tc := range []struct {
		name      string
		plan      *plan.Plan
		value     string
		problem   string // of the last error; empty: a Secret is made
		work      int    // at most
		allocated uint64 // at most
	}{
		{"a thousand times the members of one value", thousand(func(i int) plan.Entry { return fromEntry(fmt.Sprintf("spec.dataFrom[%d]", i), "k") }),
			object(9_000), "", mib, 8 * mib},
		{"a thousand times more members than a Secret has", thousand(func(i int) plan.Entry { return fromEntry(fmt.Sprintf("spec.dataFrom[%d]", i), "k") }),
			object(95_000), "the entries up to this one are more than 10000: split the object", 3 * mib, 24 * mib},
		{"a thousand properties of one value", thousand(func(i int) plan.Entry { return propertyEntry(i, fmt.Sprintf("k%d", i)) }),
			object(95_000), "", 4 * mib, 24 * mib},
		{"a value of more members than are looked into", thousand(func(i int) plan.Entry { return propertyEntry(i, "[7]") }),
			"[" + strings.Repeat("1,", 300_000) + "1]", "the JSON values up to this one have more than 200000 members: split them", 2 * mib, 24 * mib},
		{"a thousand copies of one large property", thousand(func(i int) plan.Entry { return propertyEntry(i, "a") }),
			nested(1, 900_000), "the values of the Secret have 900000000 bytes together; the API server accepts 1048576: split it", 4 * mib, 4 * mib},
		{"a thousand large properties, one in the other", thousand(func(i int) plan.Entry { return propertyEntry(i, strings.Repeat("a.", i%500)+"a") }),
			nested(600, 900_000), "the entries up to this one have more than 4194304 bytes: split the object", 16 * mib, 12 * mib},
		{"a thousand deep paths, each through a large value of its own", thousand(func(i int) plan.Entry {
			return propertyEntry(i, fmt.Sprintf("k%d", i)+strings.Repeat(".a", 500))
		}), deep(500, 900),
			"the entries up to this one go through more than 268435456 bytes: split the object", 257 * mib, 96 * mib},
		{"a thousand properties that are nothing but brackets", thousand(func(i int) plan.Entry {
			return propertyEntry(i, strings.Repeat("[", 1000)+fmt.Sprint(i))
		}), `{}`, "and 980 more entries cannot be made", 4 * mib, 64 * mib},
		{"a thousand times a megabyte of base64", thousand(func(i int) plan.Entry {
			e := propertyEntry(i, "")
			e.Binary = true
			return e
		}), strings.Repeat("A", mib), "the values of the Secret have 786432000 bytes together; the API server accepts 1048576: split it", 2 * mib, 2 * mib},
	} {
		t.Run(tc.name, func(t *testing.T) {
			values := read(map[string]string{"k": tc.value})
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := newRenderer(t.Context(), tc.plan)
			_, errs := r.secret(t.Context(), values, nil)
			runtime.ReadMemStats(&after)
			last := ""
			if len(errs) > 0 {
				last = errs[len(errs)-1].Problem
			}
			if last != tc.problem || len(errs) > maxProblems+1 {
				t.Errorf("got %d errors, the last one %q; want %q", len(errs), last, tc.problem)
			}
			if work := maxWork - r.budget.left; work > tc.work {
				t.Errorf("%d bytes were gone through, want %d at most", work, tc.work)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > tc.allocated {
				t.Errorf("%d bytes were allocated, want %d at most", allocated, tc.allocated)
			}
		})
	}
}

// deep is an object of a thousand members, each of them an object in an object, so often, around a text.
func deep(depth, size int) string {
	members := make([]string, 1000)
	for i := range members {
		members[i] = fmt.Sprintf(`"k%d":%s`, i, nested(depth, size))
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestARenderEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	made, errs := Render(ctx, entries(dataEntry("k"), dataEntry("k")), read(map[string]string{"k": "v"}), nil, nil)
	if made != nil || len(errs) != 1 || !errs[0].Late {
		t.Errorf("made %v, errors %v; want one, that is late", made, errs)
	}
}
