package e2e

import (
	"io"
	"net/http"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
)

// TestProfiles starts a replica of the webhook, and so runs while no other test does. Profiles are served where the setting says, by neither service's other ports, and hold no value.
func TestProfiles(t *testing.T) {
	namespace, value := newNamespace(t, nil), secretValue()
	putAWS(t, namespace+"/db", value)
	pprof := map[string]string{"webhook": "127.0.0.1:" + freePort(t), "syncer": "127.0.0.1:" + freePort(t)}
	webhook := startReplica(t, "pprof", "--pprof-bind-address="+pprof["webhook"])
	syncer := startSyncerWith(t, namespace, nil,
		"PPROF_BIND_ADDRESS="+pprof["syncer"], "AWS_SM_ENDPOINT="+theLab.AWSEndpoint, "AWS_STS_ENDPOINT="+theLab.AWSEndpoint)
	kubectl.MustApply(t, namespace, syncer.object("db", "{backendType: secretsManager, data: [{key: "+namespace+"/db, name: password}]}"))
	awaitData(t, namespace, "db", map[string]string{"password": value})
	awaitReason(t, namespace, "db", plan.ReasonSynced)

	for service, address := range pprof {
		for _, profile := range []string{"heap?debug=1", "goroutine?debug=2", "allocs?debug=1", "cmdline"} {
			status, body := fetched(t, "http://"+address+"/debug/pprof/"+profile)
			if status != http.StatusOK || len(body) == 0 {
				t.Errorf("%s: got %d and %d bytes of %s, want a profile", service, status, len(body), profile)
			}
			if holdsPlanted(body) {
				t.Errorf("%s: %s holds a value", service, profile)
			}
		}
	}
	for name, address := range map[string]string{
		"the webhook's metrics": webhook.MetricsAddress, "the webhook's probes": webhook.HealthAddress,
		"the syncer's metrics": syncer.metrics, "the syncer's probes": syncer.health,
		"a webhook's that was told nothing": theLab.Webhook.MetricsAddress, "a syncer's that was told nothing": theLab.Syncer.MetricsAddress,
	} {
		if status, _ := fetched(t, "http://"+address+"/debug/pprof/heap"); status != http.StatusNotFound {
			t.Errorf("%s port answers for profiles with %d, want 404", name, status)
		}
	}
}

// fetched is what a URL answers.
func fetched(t *testing.T, url string) (status int, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}
