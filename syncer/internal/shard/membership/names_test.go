package membership

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNames(t *testing.T) {
	blue := RingName([]string{"blue", "b", "a", "a"})
	others := map[string]string{
		"another instance":   RingName([]string{"green", "a", "b"}),
		"fewer namespaces":   RingName([]string{"blue", "a"}),
		"all namespaces":     RingName([]string{"blue"}),
		"names run together": RingName([]string{"blue", "ab"}),
	}
	if blue != RingName([]string{"blue", "a", "b"}) {
		t.Error("the order of namespaces makes another ring")
	}
	for name, ring := range others {
		if ring == blue {
			t.Errorf("%s: the same ring", name)
		}
	}
	if diff := cmp.Diff("syncer-7d9f8c6b5-x2b4k", ReplicaName("syncer-7d9f8c6b5-x2b4k", true)); diff != "" {
		t.Error(diff)
	}
	one, two := ReplicaName("Ada's-Mac.local", false), ReplicaName("Ada's-Mac.local", false)
	if one == two || !strings.HasPrefix(one, "ada-s-mac-local-") {
		t.Errorf("%s, %s", one, two)
	}
	if long := ReplicaName(strings.Repeat("node.example-", 20), false); len(long) > 63 || strings.Trim(long, "-") != long {
		t.Errorf("%s is no DNS label", long)
	}
}
