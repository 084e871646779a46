package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/tests/harness"
	"github.com/secretgate/secretgate/tests/lab"
	"github.com/secretgate/secretgate/tests/lab/process"
)

// ownSyncer is a syncer beside the lab's, told what to do by KES's environment variables alone. Its INSTANCE_ID keeps the two
// apart, so that its objects need it as their controllerId.
type ownSyncer struct {
	*process.Process
	id, metrics, health string
}

// startSyncer starts one and waits until it is ready. env (NAME=value) comes before what is set here.
func startSyncer(t *testing.T, id string, env ...string) *ownSyncer {
	t.Helper()
	return startSyncerWith(t, id, nil, env...)
}

// startSyncerWith takes flags, too, for what KES has no variable for.
func startSyncerWith(t *testing.T, id string, flags []string, env ...string) *ownSyncer {
	t.Helper()
	return startSyncerOf(t, filepath.Join(theLab.Root, "bin", "syncer"), id, flags, env...)
}

// startSyncerOf starts another program than the one that is built for users.
func startSyncerOf(t *testing.T, program, id string, flags []string, env ...string) *ownSyncer {
	t.Helper()
	metrics, health := freePort(t), freePort(t)
	base := []string{
		"PATH=" + os.Getenv("PATH"), "INSTANCE_ID=" + id, "METRICS_PORT=" + metrics, "POLLER_INTERVAL_MILLISECONDS=2000", "AWS_REGION=" + theLab.AWSRegion,
		"VAULT_ADDR=" + theLab.VaultAddr, "VAULT_JWT_PATH=" + theLab.VaultJWTPath,
		"AWS_ACCESS_KEY_ID=" + theLab.AWSAccessKeyID, "AWS_SECRET_ACCESS_KEY=" + theLab.AWSSecretAccessKey,
	}
	p, err := process.Start(process.Command{
		Name: id, Path: program, Log: theLab.LogFile(id), Env: append(base, env...), // the last of two counts
		Args: append([]string{"--kubeconfig=" + theLab.SyncerKubeconfig, "--health-probe-bind-address=127.0.0.1:" + health}, flags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	s := &ownSyncer{Process: p, id: id, metrics: "127.0.0.1:" + metrics, health: "127.0.0.1:" + health}
	harness.Eventually(t, func() error { return s.ready(t) })
	return s
}

// ready is an error while the syncer says that it is not.
func (s *ownSyncer) ready(t *testing.T) error {
	t.Helper()
	_, err := lab.Get(t.Context(), "http://"+s.health+"/readyz")
	return err
}

// object is a manifest that only this syncer serves.
func (s *ownSyncer) object(name, spec string) string {
	return object(name, "{controllerId: "+s.id+", "+strings.TrimPrefix(spec, "{"))
}

// stopsCleanly sends SIGTERM, and wants exit code 0.
func (s *ownSyncer) stopsCleanly(t *testing.T) {
	t.Helper()
	s.Stop()
	if err := s.Err(); !strings.Contains(err.Error(), "(exit status 0)") {
		t.Error(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
