package integration

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/awsparameterstore"
	"github.com/secretgate/secretgate/syncer/backend/awssecretsmanager"
	"github.com/secretgate/secretgate/syncer/backend/awssession"
	"github.com/secretgate/secretgate/tests/lab/clouds/authority"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/secretsmanager"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/gateway"
)

// behindProxy names the CA file to the process that TestAWSThroughAProxy starts.
const behindProxy = "SECRETGATE_TEST_BEHIND_PROXY"

// TestAWSThroughAProxy reads at AWS's own addresses, which HTTPS_PROXY leads to the emulator. Go reads the variable
// once in a process: the reading is done by another one.
func TestAWSThroughAProxy(t *testing.T) {
	l := startAWS(t)
	l.put(t, secretsmanager.Secret{Name: "dev/a", String: "planted"})
	l.putParameters(t, ssm.Parameter{Name: "/dev/a", Value: "planted"})
	ca, err := authority.New()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&gateway.Gateway{
		Authority: ca, Hosts: []string{"*.eu-west-1.amazonaws.com"}, Upstream: strings.TrimPrefix(l.url, "http://"),
	})
	t.Cleanup(proxy.Close)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	reading := exec.CommandContext(t.Context(), self, "-test.run=^TestBehindAProxy$", "-test.v")
	reading.Env = append(os.Environ(), "HTTPS_PROXY="+proxy.URL, "NO_PROXY=", behindProxy+"="+file)
	output, err := reading.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "--- PASS: TestBehindAProxy") {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, service := range []string{"sts", "secretsmanager", "ssm"} {
		if n := l.Counters().Sum(counter.Key{Service: service, Code: "OK"}); n != 1 {
			t.Errorf("%d calls of %s have come through the proxy, want 1", n, service)
		}
	}
}

// TestBehindAProxy is the other process.
func TestBehindAProxy(t *testing.T) {
	file := os.Getenv(behindProxy)
	if file == "" {
		t.Skip("TestAWSThroughAProxy runs it")
	}
	sessions, err := awssession.New(awssession.Config{ExtraCACerts: file})
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := awssecretsmanager.New(awssecretsmanager.Config{Sessions: sessions})
	if err != nil {
		t.Fatal(err)
	}
	parameters, err := awsparameterstore.New(awsparameterstore.Config{Sessions: sessions})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secrets.Get(t.Context(), awsStore(aws.TestRoleARN), awsRead("dev/a")); err != nil {
		t.Error(err)
	}
	// The session is the same.
	if _, err := parameters.Get(t.Context(), ssmStore(aws.TestRoleARN), plan.Read{Key: "/dev/a"}); err != nil {
		t.Error(err)
	}
}
