package gcpsecretmanager

import (
	"errors"
	"hash/crc32"
	"strings"
	"testing"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

func TestTarget(t *testing.T) {
	for name, c := range map[string]struct {
		endpoint, want string
		refused        bool
	}{
		"none is Google's":                    {"", "", false},
		"a host means port 443":               {"sm.example", "sm.example:443", false},
		"a host and port":                     {"sm.example:8443", "sm.example:8443", false},
		"a URL":                               {"https://sm.example/", "sm.example:443", false},
		"a URL with a port":                   {"https://127.0.0.1:8443", "127.0.0.1:8443", false},
		"an address of IPv6":                  {"[::1]", "[::1]:443", false},
		"an address of IPv6 and a port":       {"[::1]:8443", "[::1]:8443", false},
		"without TLS tokens would be seen":    {"http://sm.example", "", true},
		"a path means nothing to gRPC":        {"https://sm.example/v1", "", true},
		"a password has no business here":     {"https://user:planted@sm.example", "", true},
		"another resolver of gRPC's":          {"unix:///run/sm", "", true},
		"an address of IPv6 without brackets": {"::1", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := target("--gcp-endpoint", c.endpoint)
			if got != c.want || (err != nil) != c.refused {
				t.Errorf("got %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

func TestAnswersThatAreAnothersAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		project, version, told, region string
		want                           bool
	}{
		"the project's number in place of its id": {"prod", "latest", "projects/100/secrets/db/versions/7", "", true},
		"the project's number":                    {"100", "latest", "projects/100/secrets/db/versions/7", "", true},
		"the credentials' own project":            {"", "latest", "projects/100/secrets/db/versions/7", "", true},
		"a version":                               {"prod", "7", "projects/100/secrets/db/versions/7", "", true},
		"a version with a zero before it":         {"prod", "07", "projects/100/secrets/db/versions/7", "", true},
		"an alias":                                {"prod", "blue", "projects/100/secrets/db/versions/7", "", true},
		"another secret":                          {"prod", "latest", "projects/100/secrets/other/versions/7", "", false},
		"another version":                         {"prod", "6", "projects/100/secrets/db/versions/7", "", false},
		"another project":                         {"101", "latest", "projects/100/secrets/db/versions/7", "", false},
		"a secret of the region":                  {"prod", "latest", "projects/100/locations/l/secrets/db/versions/7", "l", true},
		"a secret of another region":              {"prod", "latest", "projects/100/locations/m/secrets/db/versions/7", "l", false},
		"a secret of no region":                   {"prod", "latest", "projects/100/secrets/db/versions/7", "l", false},
		"a secret without a version":              {"prod", "latest", "projects/100/secrets/db", "", false},
		"no name":                                 {"prod", "latest", "", "", false},
		"a name of something else":                {"prod", "latest", "projects/100/locations/l/secrets/db/versions/7", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := isAnswer(plan.Store{Container: test.project, Location: test.region}, plan.Read{Key: "db", Version: test.version}, test.told); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestValue(t *testing.T) {
	answer := func(data string, change int64) *secretmanagerpb.AccessSecretVersionResponse {
		sum := int64(crc32.Checksum([]byte(data), crc32.MakeTable(crc32.Castagnoli))) + change
		return &secretmanagerpb.AccessSecretVersionResponse{
			Name: "projects/1/secrets/a/versions/7", Payload: &secretmanagerpb.SecretPayload{Data: []byte(data), DataCrc32C: &sum},
		}
	}
	unsummed := answer("text", 0)
	unsummed.Payload.DataCrc32C = nil
	for name, c := range map[string]struct {
		answer *secretmanagerpb.AccessSecretVersionResponse
		want   driver.Value
		err    error
	}{
		"text, and the version's number":     {answer("text", 0), driver.Value{Data: []byte("text"), Version: "7"}, nil},
		"what is no UTF-8 is bytes":          {answer("\xff\x00", 0), driver.Value{Data: []byte("\xff\x00"), Bytes: true, Version: "7"}, nil},
		"a checksum that is not the value's": {answer("text", 1), driver.Value{}, errCorrupt},
		"no checksum":                        {unsummed, driver.Value{Data: []byte("text"), Version: "7"}, nil},
		"no payload":                         {&secretmanagerpb.AccessSecretVersionResponse{}, driver.Value{}, driver.ErrNoValue},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := valueOf(c.answer)
			if !errors.Is(err, c.err) {
				t.Errorf("got %v, want %v", err, c.err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if kind := (&Driver{}).Classify(err); err != nil && kind != driver.Unavailable {
				t.Errorf("its kind is %s, want unavailable: the next answer may be whole", kind)
			}
		})
	}
}

func TestAStoreWithAServerOfItsOwnIsRefused(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Get(t.Context(), plan.Store{Container: "p", Address: "https://a.example"}, plan.Read{Key: "a", Version: "latest"})
	if err == nil || d.Classify(err) != driver.Invalid || !strings.Contains(err.Error(), "an address of its own") {
		t.Errorf("got %v, want it refused", err)
	}
}
