package integration

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/alicloudkms"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud"
	"github.com/secretgate/secretgate/tests/lab/clouds/alicloud/kms"
	"github.com/secretgate/secretgate/tests/lab/clouds/counter"
	"github.com/secretgate/secretgate/tests/lab/clouds/fault"
)

// readAlicloud tells a value as text, or the kind of the error.
func readAlicloud(t *testing.T, d driver.Driver, store plan.Store, read plan.Read) string {
	t.Helper()
	value, err := d.Get(t.Context(), store, read)
	if err != nil {
		return d.Classify(err).String()
	}
	return string(value.Data)
}

func TestAlicloudKMSVersions(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "dev/rotated", Text: "first", VersionID: "001"})
	l.put(t, kms.Secret{Name: "dev/rotated", Text: "second", VersionID: "002"})
	d := l.driver(t, alicloudkms.Config{})
	for name, c := range map[string]struct {
		read plan.Read
		want string
	}{
		"the stage ACSCurrent is the newest":           {plan.Read{VersionStage: "ACSCurrent"}, "second"},
		"the stage ACSPrevious is the one before":      {plan.Read{VersionStage: "ACSPrevious"}, "first"},
		"no stage is the newest":                       {plan.Read{}, "second"},
		"a version id names a version":                 {plan.Read{VersionID: "001"}, "first"},
		"a version id wins over a stage":               {plan.Read{VersionID: "001", VersionStage: "ACSCurrent"}, "first"},
		"a stage that no version carries is not found": {plan.Read{VersionStage: "NONE"}, "not_found"},
		"a version id that never was is not found":     {plan.Read{VersionID: "003"}, "not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			c.read.Key = "dev/rotated"
			if got := readAlicloud(t, d, alicloudStore(""), c.read); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestAlicloudIdentities(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "a/x", Text: "planted"})
	l.put(t, kms.Secret{Name: "b/x", Text: "planted"})
	role := l.role(t, "reader", "a/", alicloud.LabUserARN)
	d := l.driver(t, alicloudkms.Config{})
	// Where a cloud asks no credential the configuration may lack it, and only the reads fail.
	nothing, err := alicloudkms.New(alicloudkms.Config{})
	if err != nil {
		t.Fatal(err)
	}
	noKey, err := alicloudkms.New(alicloudkms.Config{Endpoint: l.url})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{
		"the syncer's own key":                    readAlicloud(t, d, alicloudStore(""), alicloudRead("b/x")),
		"a role":                                  readAlicloud(t, d, role, alicloudRead("a/x")),
		"a role reads no more than it may":        readAlicloud(t, d, role, alicloudRead("b/x")),
		"a syncer without anything":               readAlicloud(t, nothing, role, alicloudRead("a/x")),
		"a syncer without a key":                  readAlicloud(t, noKey, alicloudStore(""), alicloudRead("a/x")),
		"another region than the secret's":        readAlicloud(t, l.driver(t, alicloudkms.Config{Region: "cn-hangzhou"}), role, alicloudRead("a/x")),
		"a region that is the secret's":           readAlicloud(t, l.driver(t, alicloudkms.Config{Region: alicloud.Region}), role, alicloudRead("a/x")),
		"a region that there is not":              readAlicloud(t, l.driver(t, alicloudkms.Config{Region: "nowhere"}), role, alicloudRead("a/x")),
		"a role that is not even of the form":     readAlicloud(t, d, alicloudStore("demo"), alicloudRead("a/x")),
		"a key that is not even of the form":      readAlicloud(t, d, role, alicloudRead("a/"+strings.Repeat("x", 100))),
		"a key that looks like another parameter": readAlicloud(t, d, role, alicloudRead("a/x&SecretName=b/x")),
	}
	want := map[string]string{
		"the syncer's own key":                    "planted",
		"a role":                                  "planted",
		"a role reads no more than it may":        "denied",
		"a syncer without anything":               "invalid",
		"a syncer without a key":                  "unauthenticated",
		"another region than the secret's":        "not_found",
		"a region that is the secret's":           "planted",
		"a region that there is not":              "invalid",
		"a role that is not even of the form":     "invalid",
		"a key that is not even of the form":      "invalid",
		"a key that looks like another parameter": "not_found",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
	session := counter.Key{Identity: "acs:ram::" + alicloud.Account + ":assumed-role/reader/k8s-external-secrets", Code: "OK"}
	if l.Counters().Sum(session) == 0 {
		t.Errorf("no call was made in a session called k8s-external-secrets: %v", l.Counters().All())
	}
}

func TestAlicloudSessionsAreRenewedBeforeTheirEnd(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "a/x", Text: "planted"})
	role := l.role(t, "reader", "a/", alicloud.LabUserARN)
	var c clock
	d := l.driver(t, alicloudkms.Config{Now: c.now})
	logins := func() int { return l.Counters().Sum(counter.Key{Operation: "AssumeRole", Code: "OK"}) }
	tries := func() int { return l.Counters().Sum(counter.Key{Operation: "AssumeRole"}) }
	read := func(want int) {
		t.Helper()
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() {
				if got := readAlicloud(t, d, role, alicloudRead("a/x")); got != "planted" {
					t.Errorf("got %q", got)
				}
			})
		}
		wait.Wait()
		if got := logins(); got != want {
			t.Errorf("%d sessions were begun, want %d", got, want)
		}
	}
	read(1)
	c.advance(54 * time.Minute)
	read(1)
	c.advance(2 * time.Minute)
	read(2)

	// While STS is down a session is used to its end, and STS not asked for each read.
	if _, err := l.Faults().Add(fault.Fault{Kind: fault.Outage, Service: "sts"}); err != nil {
		t.Fatal(err)
	}
	c.advance(56 * time.Minute)
	before := tries()
	read(2)
	read(2)
	if n := tries() - before; n != 1 {
		t.Errorf("STS was asked %d times while it is down, want once", n)
	}
	c.advance(2 * time.Minute) // the time that was left is divided up
	read(2)
	if n := tries() - before; n != 2 {
		t.Errorf("STS was asked %d times a while later, want twice", n)
	}
	c.advance(10 * time.Minute)
	if got := readAlicloud(t, d, role, alicloudRead("a/x")); got != "unavailable" {
		t.Errorf("after the session's end: %q, want unavailable", got)
	}
	l.Faults().Clear()
	read(3)
}

// TestAlicloudErrors tells what users read of what Alibaba Cloud says, and what they do not: it quotes the signed request.
func TestAlicloudErrors(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "a/x", Text: "planted"})
	role := l.role(t, "reader", "a/", alicloud.LabUserARN)
	stranger := l.role(t, "stranger", "a/", "acs:ram::"+alicloud.Account+":user/other")
	wrong := l.driver(t, alicloudkms.Config{AccessKeyID: l.Alicloud().LabUser().AccessKeyID, AccessKeySecret: otherKeySecret})
	none, err := alicloudkms.New(alicloudkms.Config{Endpoint: l.url})
	if err != nil {
		t.Fatal(err)
	}
	d := l.driver(t, alicloudkms.Config{})
	for name, tc := range map[string]struct {
		driver driver.Driver
		store  plan.Store
		key    string
		want   string
	}{
		"not found": {d, role, "a/none", `cannot read key "a/none" from alicloudSecretsManager as acs:ram::1234567890123456:role/reader: not found: ` +
			`Forbidden.ResourceNotFound: Resource not found; check the key, the region of ALICLOUD_ENDPOINT, and the version stage`},
		"denied": {d, alicloudStore(alicloud.DemoRoleARN + "-none"), "b/x", `cannot read key "b/x" from alicloudSecretsManager as acs:ram::1234567890123456:role/demo-none: ` +
			`access denied: no session: EntityNotExist.Role: The role not exists: acs:ram::1234567890123456:role/demo-none; ` +
			`let the syncer's RAM user or role assume the role: in the role's trust policy, and with sts:AssumeRole in its own`},
		"no trust": {d, stranger, "a/x", `cannot read key "a/x" from alicloudSecretsManager as acs:ram::1234567890123456:role/stranger: ` +
			`access denied: no session: NoPermission: You are not authorized to do this action. You should be authorized by RAM; ` +
			`let the syncer's RAM user or role assume the role: in the role's trust policy, and with sts:AssumeRole in its own`},
		"no permission": {d, role, "b/x", `cannot read key "b/x" from alicloudSecretsManager as acs:ram::1234567890123456:role/reader: ` +
			`access denied: Forbidden.NoPermission: This operation is forbidden by permission system; ` +
			`allow kms:GetSecretValue on the secret, and kms:Decrypt on its key, to acs:ram::1234567890123456:role/reader`},
		"a wrong secret": {wrong, alicloudStore(""), "a/x", `cannot read key "a/x" from alicloudSecretsManager: not authenticated: ` +
			`SignatureDoesNotMatch: Specified signature is not matched with our calculation; ` +
			`check ALICLOUD_ACCESS_KEY_ID, ALICLOUD_ACCESS_KEY_SECRET and the clock of the syncer's node`},
		"no key": {none, alicloudStore(""), "a/x", `cannot read key "a/x" from alicloudSecretsManager: not authenticated: the syncer has no access key, and no role for its ` +
			`service account; set ALICLOUD_ACCESS_KEY_ID and ALICLOUD_ACCESS_KEY_SECRET for the syncer, or give its service account a role (RRSA)`},
	} {
		t.Run(name, func(t *testing.T) {
			client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.AlicloudKMS: tc.driver}}
			_, err := client.Get(t.Context(), plan.Source{Store: tc.store, Read: alicloudRead(tc.key)})
			if err == nil {
				t.Fatal("it was read")
			}
			if diff := cmp.Diff(tc.want, err.Error()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAlicloudByTLS is an endpoint of a CA of one's own, and one that redirects: the host it names must not learn the request.
func TestAlicloudByTLS(t *testing.T) {
	l := startAlicloud(t)
	l.put(t, kms.Secret{Name: "a/x", Text: "planted"})
	front := httptest.NewTLSServer(l.Server)
	t.Cleanup(front.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(front.URL, "https://") // as KES has it: https goes without saying
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a redirect was followed to %s, with the referrer %q", r.URL, r.Referer())
	}))
	t.Cleanup(elsewhere.Close)
	redirecting := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusMovedPermanently))
	t.Cleanup(redirecting.Close)
	role := alicloudStore(alicloud.DemoRoleARN)
	got := map[string]string{
		"trusted":     readAlicloud(t, l.driver(t, alicloudkms.Config{Endpoint: host, STSEndpoint: host, ExtraCACerts: ca}), role, alicloudRead("a/x")),
		"not trusted": readAlicloud(t, l.driver(t, alicloudkms.Config{Endpoint: host, STSEndpoint: host}), role, alicloudRead("a/x")),
		"redirected":  readAlicloud(t, l.driver(t, alicloudkms.Config{Endpoint: redirecting.URL}), alicloudStore(""), alicloudRead("a/x")),
	}
	want := map[string]string{"trusted": "planted", "not trusted": "unavailable", "redirected": "unavailable"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reads (-want +got):\n%s", diff)
	}
}
