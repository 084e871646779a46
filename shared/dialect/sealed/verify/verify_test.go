package verify_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/secretgate/secretgate/shared/dialect/sealed/verify"
)

func TestWhatIsNoQueryOfTheWebhooksBindsTheSyncerToNothing(t *testing.T) {
	for name, test := range map[string]struct {
		query     url.Values
		namespace string
		within    time.Duration
	}{
		"what the webhook makes":  {verify.Query("core", 700*time.Millisecond), "core", 700 * time.Millisecond},
		"more time than there is": {verify.Query("core", time.Hour), "core", verify.MaxTime},
		"no time left":            {verify.Query("core", -time.Second), "core", verify.MaxTime},
		"no time at all":          {url.Values{"namespace": {"core"}}, "core", verify.MaxTime},
		"a time that is none":     {url.Values{"within": {"soon"}}, "", verify.MaxTime},
		"nothing":                 {nil, "", verify.MaxTime},
	} {
		if namespace, within := verify.ParseQuery(test.query); namespace != test.namespace || within != test.within {
			t.Errorf("%s: got %q and %s, want %q and %s", name, namespace, within, test.namespace, test.within)
		}
	}
}
