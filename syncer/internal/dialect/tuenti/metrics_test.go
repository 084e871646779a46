package tuenti

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/syncer/internal/metrics"
	"github.com/secretgate/secretgate/syncer/internal/metrics/metricstest"
)

var now = time.Unix(1000, 0)

func TestSecretsManagersNames(t *testing.T) {
	all := &metrics.Objects{}
	d := all.Of(dialect.Type{Dialect: Name}, view{})
	object := func(name string) types.NamespacedName { return types.NamespacedName{Namespace: "ns", Name: name} }
	attempt := func(name, secret string, ok bool) {
		d.Observe(metrics.Attempt{Object: object(name), Secret: secret, Success: ok})
	}
	attempt("fine", "good", true)
	d.Refreshed(object("fine"), true, now)
	d.Refreshed(object("unknown"), false, now)

	attempt("broken", "bad", true)
	d.Observe(metrics.Attempt{Object: object("broken"), Secret: "bad", Unreadable: true})
	d.Refreshed(object("broken"), true, now) // what was read cannot be written, as before

	attempt("misunderstood", "", false)

	attempt("moved", "before", false)
	attempt("moved", "after", true)
	attempt("moved", "", false) // it is malformed now: its Secret is still there

	attempt("first", "shared", true)
	attempt("second", "shared", false)
	attempt("third", "common", false)
	attempt("fourth", "common", true)

	attempt("gone", "gone", true)
	d.Forget(object("gone"))
	want := map[string]float64{}
	for secret, values := range map[string][3]float64{
		"good": {0, 0, 1}, "bad": {1, 2, 0}, "misunderstood": {0, 1, 0}, "after": {0, 1, 0}, "shared": {0, 1, 0}, "common": {0, 1, 0},
	} {
		labels := "{name=" + secret + ",namespace=ns}"
		want["secrets_manager_controller_secret_read_errors_total"+labels] = values[0]
		want["secrets_manager_controller_sync_errors_total"+labels] = values[1]
		want["secrets_manager_controller_last_sync_status"+labels] = values[2]
	}
	for range 20 { // those of one Secret are summed up in any order
		if diff := cmp.Diff(want, secretsManagerSeries(t, all)); diff != "" {
			t.Fatal(diff)
		}
	}
}

// secretsManagerSeries are the series that have secrets-manager's names.
func secretsManagerSeries(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	series := metricstest.Series(t, c)
	maps.DeleteFunc(series, func(name string, _ float64) bool { return !strings.HasPrefix(name, "secrets_manager_") })
	return series
}

func TestTokenOfVault(t *testing.T) {
	v := newTokens("http://vault:8200", "kv2", 5*time.Minute)
	v.Now = func() time.Time { return now }
	server := "vault_address=http://vault:8200,vault_cluster_id=,vault_cluster_name=,vault_engine=kv2,vault_version="
	want := map[string]float64{"secrets_manager_vault_max_token_ttl{" + server + "}": 300, "secrets_manager_vault_token_ttl{" + server + "}": 0}
	if diff := cmp.Diff(want, metricstest.Series(t, v)); diff != "" {
		t.Error("before the first login", diff)
	}
	v.Identify("1.21.0", "id", "name")
	v.Token(now.Add(10*time.Minute + time.Millisecond))
	v.Failed("login", "denied")
	v.Failed("login", "denied")
	v.Failed("renew-self", "unavailable")
	server = "vault_address=http://vault:8200,vault_cluster_id=id,vault_cluster_name=name,vault_engine=kv2"
	want = map[string]float64{
		"secrets_manager_vault_max_token_ttl{" + server + ",vault_version=1.21.0}":                                                           300,
		"secrets_manager_vault_token_ttl{" + server + ",vault_version=1.21.0}":                                                               600,
		"secrets_manager_vault_token_renewal_errors_total{error=denied," + server + ",vault_operation=login,vault_version=1.21.0}":           2,
		"secrets_manager_vault_token_renewal_errors_total{error=unavailable," + server + ",vault_operation=renew-self,vault_version=1.21.0}": 1,
	}
	if diff := cmp.Diff(want, metricstest.Series(t, v)); diff != "" {
		t.Error(diff)
	}
	v.Now = func() time.Time { return now.Add(time.Hour) }
	if got := metricstest.Series(t, v)["secrets_manager_vault_token_ttl{"+server+",vault_version=1.21.0}"]; got != 0 {
		t.Errorf("a token that has ended has %v s left", got)
	}
}
