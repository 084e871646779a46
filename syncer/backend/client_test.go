package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

const planted = "planted-value"

// scripted is a driver for what no real backend can be made to do.
type scripted func(ctx context.Context) (driver.Value, error)

func (s scripted) Get(ctx context.Context, _ plan.Scope, _ plan.Read) (driver.Value, error) {
	return s(ctx)
}

func (scripted) Classify(err error) driver.Kind {
	if strings.Contains(err.Error(), "denied") {
		return driver.Denied
	}
	return driver.Unknown
}

func panics(context.Context) (driver.Value, error) { panic(planted) }

var line = regexp.MustCompile(`panics:\d+`)

type advice struct{ error }

// advised is a driver that knows what to do.
type advised struct{ scripted }

func (advised) Advise(err error) string {
	if strings.Contains(err.Error(), "region") {
		return "check the region"
	}
	return ""
}

func TestWhatADriverAdvises(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"goes before what one does about the kind":            {errors.New("denied: region"), "check the region"},
		"is that of the kind where it advises nothing":        {errors.New("denied"), `give role "app" at mount "kubernetes" a policy with the capability read on the path`},
		"gives way to what an error of the driver's own says": {advice{errors.New("denied: region")}, "do this"},
	} {
		t.Run(name, func(t *testing.T) {
			d := advised{func(context.Context) (driver.Value, error) { return driver.Value{}, test.err }}
			_, err := (&Client{Drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: d}}).Get(t.Context(), vaultSource)
			failed, ok := errors.AsType[*Error](err)
			if !ok || failed.Remedy() != test.want {
				t.Errorf("got %v, want the remedy %q", err, test.want)
			}
		})
	}
}

func (advice) Remedy() string { return "do this" }

var vaultSource = plan.Source{
	Scope: plan.Scope{Backend: apiv1.BackendVault, Identity: plan.Identity{VaultMount: "kubernetes", VaultRole: "app"}},
	Read:  plan.Read{Key: "secret/data/db", KVVersion: 2},
}

func TestClientGet(t *testing.T) {
	const key = `cannot read key "secret/data/db" from vault as role "app" at mount "kubernetes": `
	tests := map[string]struct {
		driver scripted
		want   string // the value's size, or the error
		code   string
	}{
		"a value is passed on": {
			driver: func(context.Context) (driver.Value, error) { return driver.Value{Data: []byte(planted)}, nil },
			want:   "13 bytes", code: "ok",
		},
		"a value of 1 MiB is passed on": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: make([]byte, 1<<20)}, nil
			},
			want: "1048576 bytes", code: "ok",
		},
		"a larger value is refused": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: bytes.Repeat([]byte(planted), 1<<17)}, nil
			},
			want: key + "not a valid request: the value has 1703936 bytes, but a Secret holds 1048576 at most; keep less under this key",
			code: "invalid",
		},
		"an error is classified, redacted and given a remedy": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{}, errors.New("permission denied, password: " + planted)
			},
			want: key + `access denied: permission denied, password: [redacted]; ` +
				`give role "app" at mount "kubernetes" a policy with the capability read on the path`,
			code: "denied",
		},
		"an error with a remedy of its own keeps it": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{}, fmt.Errorf("first: %w", advice{errors.New("denied")})
			},
			want: key + "access denied: first: denied; do this", code: "denied",
		},
		"a value beside an error is dropped": {
			driver: func(context.Context) (driver.Value, error) {
				return driver.Value{Data: []byte(planted)}, errors.New("denied")
			},
			want: key + `access denied: denied; give role "app" at mount "kubernetes" a policy with the capability read on the path`, code: "denied",
		},
		"a panic is an error that names its place and not what it says": {
			driver: panics,
			want: key + "failed: the driver panicked with a string at github.com/secretgate/secretgate/syncer/backend.panics:LINE; " +
				"it is tried again: look into the backend's own logs if this goes on",
			code: "unknown",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			m := NewMetrics()
			c := &Client{Drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: test.driver}, Metrics: m}
			values, err := c.Get(t.Context(), vaultSource)
			var got string
			if err != nil {
				got = err.Error()
			} else {
				got = fmt.Sprint(len(values[0].Data), " bytes")
			}
			if diff := cmp.Diff(test.want, line.ReplaceAllString(got, "panics:LINE")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), planted) {
				t.Error("the error holds the planted value")
			}
			if diff := cmp.Diff([]string{"vault get " + test.code}, counted(t, m)); diff != "" {
				t.Errorf("calls counted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClientStopsWaiting(t *testing.T) {
	waits := scripted(func(ctx context.Context) (driver.Value, error) {
		<-ctx.Done()
		return driver.Value{}, fmt.Errorf("the SDK's words: %w", ctx.Err())
	})
	c := &Client{Drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: waits}, Timeout: 1}
	_, err := c.Get(t.Context(), vaultSource)
	if !errors.Is(err, context.DeadlineExceeded) || code(err) != "unavailable" {
		t.Errorf("at its time limit the call ends with %v (%s)", err, code(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Get(ctx, vaultSource)
	if !errors.Is(err, context.Canceled) || code(err) != "canceled" {
		t.Errorf("after its caller has given up the call ends with %v (%s)", err, code(err))
	}
}

func TestTheTimeOfACall(t *testing.T) {
	for name, test := range map[string]struct{ given, want time.Duration }{
		"as given": {3 * time.Second, 3 * time.Second}, "ten seconds if not": {0, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				waits := scripted(func(ctx context.Context) (driver.Value, error) {
					<-ctx.Done()
					return driver.Value{}, ctx.Err()
				})
				start := time.Now()
				_, err := (&Client{Drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: waits}, Timeout: test.given}).Get(t.Context(), vaultSource)
				if took := time.Since(start); took != test.want || err == nil {
					t.Errorf("it took %s, want %s (%v)", took, test.want, err)
				}
			})
		})
	}
}

// Whoever unwraps an error must not find what was redacted.
func TestNothingOfADriversErrorIsInOurs(t *testing.T) {
	fails := scripted(func(context.Context) (driver.Value, error) { return driver.Value{}, errors.New("password: " + planted) })
	_, err := (&Client{Drivers: map[apiv1.Backend]driver.Driver{apiv1.BackendVault: fails}}).Get(t.Context(), vaultSource)
	if err == nil || errors.Unwrap(err) != nil || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), planted) {
		t.Errorf("got %v, which wraps %v", err, errors.Unwrap(err) != nil)
	}
}

func TestBackendWithoutDriver(t *testing.T) {
	_, err := (&Client{}).Get(t.Context(), vaultSource)
	if !errors.Is(err, ErrNotConfigured) {
		t.Errorf("got %v, want ErrNotConfigured", err)
	}
}

func TestErrorText(t *testing.T) {
	const as = "secretsManager in region eu-west-1 as arn:aws:iam::123456789012:role/a"
	aws := plan.Scope{
		Backend: apiv1.BackendAWSSecretsManager, Region: "eu-west-1", Identity: plan.Identity{RoleARN: "arn:aws:iam::123456789012:role/a"},
	}
	tests := map[string]struct {
		source  plan.Source
		kind    driver.Kind
		message string
		want    string
	}{
		"a version id is named, the default label is not": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "db", VersionID: "v1"}}, kind: driver.NotFound,
			want: `cannot read key "db" (version v1) from ` + as + `: not found; ` +
				`check the key, the region, and the version or staging label`,
		},
		"a role that may not be assumed": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "db", VersionStage: "AWSCURRENT"}}, kind: driver.Denied,
			message: "not authorized to perform: sts:AssumeRole",
			want: `cannot read key "db" from ` + as + `: access denied: ` +
				`not authorized to perform: sts:AssumeRole; ` +
				`let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own`,
		},
		"a web identity that the role does not accept": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "db"}}, kind: driver.Denied,
			message: "Not authorized to perform sts:AssumeRoleWithWebIdentity",
			want: `cannot read key "db" from ` + as + `: access denied: Not authorized to perform sts:AssumeRoleWithWebIdentity; ` +
				`let the trust policy of the role in AWS_ROLE_ARN accept the issuer, audience and subject of the syncer's service-account token`,
		},
		"a role that may not read": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "db", VersionStage: "AWSPREVIOUS"}}, kind: driver.Denied,
			want: `cannot read key "db" (stage AWSPREVIOUS) from ` + as + `: access denied; ` +
				`allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key, to arn:aws:iam::123456789012:role/a`,
		},
		"a parameter that may not be read": {
			source: plan.Source{Scope: ssm, Read: plan.Read{Key: "/a:3"}}, kind: driver.Denied,
			want: `cannot read key "/a:3" from systemManager in region eu-west-1: access denied; ` +
				`allow ssm:GetParameter on the parameter, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"an ARN of another region": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "arn:aws:secretsmanager:eu-west-2:123456789012:secret:db"}}, kind: driver.NotFound,
			want: `cannot read key "arn:aws:secretsmanager:eu-west-2:123456789012:secret:db" from ` + as + `: not found; ` +
				`the key is an ARN of another region: set spec.region to eu-west-2`,
		},
		"an ARN of the same region": {
			source: plan.Source{Scope: aws, Read: plan.Read{Key: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db"}}, kind: driver.NotFound,
			want: `cannot read key "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db" from ` + as + `: not found; ` +
				`check the key, the region, and the version or staging label`,
		},
		"a path that may not be walked": {
			source: plan.Source{Scope: ssm, Read: plan.Read{Key: "/a", Path: true}}, kind: driver.Denied,
			want: `cannot read path "/a" from systemManager in region eu-west-1: access denied; ` +
				`allow ssm:GetParametersByPath on the path, and kms:Decrypt on its key, to the syncer's own identity`,
		},
		"a parameter that is not there": {
			source: plan.Source{Scope: ssm, Read: plan.Read{Key: "/a:3"}}, kind: driver.NotFound,
			want: `cannot read key "/a:3" from systemManager in region eu-west-1: not found; ` +
				`check the name, the region, and the version or label after the colon`,
		},
		"a batch that is denied": {
			source: plan.Source{Scope: aws}, kind: driver.Denied,
			want: `cannot read a batch of keys from ` + as + `: access denied; ` +
				`allow secretsmanager:BatchGetSecretValue on *, secretsmanager:GetSecretValue on each secret, and kms:Decrypt on its key, ` +
				`to arn:aws:iam::123456789012:role/a`,
		},
		"Google's default version and project are not named, what it denies is": {
			source: plan.Source{Scope: plan.Scope{Backend: apiv1.BackendGCPSecretManager}, Read: plan.Read{Key: "db", Version: "latest"}},
			kind:   driver.Denied, message: "Permission 'secretmanager.versions.access' denied for resource 'projects/p/secrets/db/versions/latest'",
			want: `cannot read key "db" from gcpSecretsManager: access denied: ` +
				`Permission 'secretmanager.versions.access' denied for resource 'projects/p/secrets/db/versions/latest'; ` +
				`give the syncer's own identity the role roles/secretmanager.secretAccessor on the secret`,
		},
		"an API of Google's that is not enabled": {
			source: plan.Source{Scope: plan.Scope{Backend: apiv1.BackendGCPSecretManager, Project: "p"}, Read: plan.Read{Key: "db", Version: "7"}},
			kind:   driver.Denied, message: "Secret Manager API has not been used in project p before or it is disabled",
			want: `cannot read key "db" (version 7) from gcpSecretsManager in project p: access denied: ` +
				`Secret Manager API has not been used in project p before or it is disabled; ` +
				`enable the API secretmanager.googleapis.com in the project`,
		},
		"a backend without an identity of its own": {
			source: plan.Source{Scope: plan.Scope{Backend: apiv1.BackendAzureKeyVault, KeyVault: "kv"}, Read: plan.Read{Key: "db"}},
			kind:   driver.Denied,
			want: `cannot read key "db" from azureKeyVault in vault kv: access denied; ` +
				`give the syncer's own identity the role Key Vault Secrets User on the vault, or secrets/get in its access policy; ` +
				`where it says that the address is not authorized, let it through the vault's firewall`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, newError(test.source, test.kind, test.message, nil).Error()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// counted lists the calls that the metrics count, by backend, operation and code.
func counted(t *testing.T, m *Metrics) []string {
	t.Helper()
	return countedOf(t, m, "secretgate_backend_requests_total")
}

func countedOf(t *testing.T, m *Metrics, name string) []string {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var calls []string
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range metric.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			for range int(metric.GetCounter().GetValue()) {
				calls = append(calls, labels["backend"]+" "+labels["operation"]+" "+labels["code"])
			}
		}
	}
	return calls
}
