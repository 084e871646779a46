package opening_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/opening"
)

func TestWhatIsNoQueryOfTheWebhooksBindsTheSyncerToNothing(t *testing.T) {
	for name, test := range map[string]struct {
		query     url.Values
		namespace string
		within    time.Duration
	}{
		"what the webhook makes":  {opening.Query("core", 700*time.Millisecond), "core", 700 * time.Millisecond},
		"more time than there is": {opening.Query("core", time.Hour), "core", opening.MaxTime},
		"no time left":            {opening.Query("core", -time.Second), "core", opening.MaxTime},
		"no time at all":          {url.Values{"namespace": {"core"}}, "core", opening.MaxTime},
		"a time that is none":     {url.Values{"within": {"soon"}}, "", opening.MaxTime},
		"nothing":                 {nil, "", opening.MaxTime},
	} {
		if namespace, within := opening.ParseQuery(test.query); namespace != test.namespace || within != test.within {
			t.Errorf("%s: got %q and %s, want %q and %s", name, namespace, within, test.namespace, test.within)
		}
	}
}
