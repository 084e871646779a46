package e2e

import (
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
)

// The tests of this file replace the lab's webhook and API server: each runs while no other does.

// startReplica starts another webhook beside the lab's own.
func startReplica(t *testing.T, name string, args ...string) *lab.Service {
	t.Helper()
	replica, err := theLab.NewWebhook(name, lab.Extra{Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(replica.Stop)
	start(t, replica)
	return replica
}

func start(t *testing.T, service *lab.Service) {
	t.Helper()
	if err := service.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRollingRestartFailsNoWrite: each of two replicas is replaced in turn, as an update of the Deployment does it.
func TestRollingRestartFailsNoWrite(t *testing.T) {
	replicas := []*lab.Service{theLab.Webhook, startReplica(t, "webhook-second")}
	l := startLoad(t)
	for range 3 {
		for _, replica := range replicas {
			replica.Stop()
			start(t, replica)
			l.goesOn(t)
		}
	}
}

// TestAPIServerRestart: both services survive a crash of the API server, and do their work again when it is back.
func TestAPIServerRestart(t *testing.T) {
	namespace := guarded(t)
	spec := "{backendType: secretsManager, data: [{key: " + namespace + "/db, name: password}]}"
	synced := func(name string) {
		t.Helper()
		value := secretValue()
		putAWS(t, namespace+"/db", value)
		awaitData(t, namespace, name, map[string]string{"password": value})
	}
	kubectl.MustApply(t, namespace, object("old", spec))
	synced("old")
	services := []*lab.Service{theLab.Webhook, theLab.Syncer}
	before := []int{services[0].PID(), services[1].PID()}

	if err := theLab.RestartAPIServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, func() error {
		_, err := kubectl.Apply(t.Context(), namespace, object("new", spec))
		return err
	})
	synced("new")
	synced("old")
	awaitReason(t, namespace, "new", plan.ReasonSynced)
	if _, err := kubectl.Apply(t.Context(), namespace, object("stranger", "{backendType: secretsManager, dataFrom: [prod/db]}")); err == nil ||
		!strings.Contains(err.Error(), `"prod/db" is not permitted in namespace`) {
		t.Errorf("a forbidden object was not denied: %v", err)
	}
	for i, service := range services {
		if now := service.PID(); now != before[i] {
			t.Errorf("%s was process %d, and is %d (0: none)", service.Name, before[i], now)
		}
		harness.Eventually(t, func() error {
			_, err := lab.Get(t.Context(), "http://"+service.HealthAddress+"/readyz")
			return err
		})
	}
}
