package hashivault

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		body string
		kv   int32
		want driver.Value
		err  error
	}{
		"version 2 has the value inside, and a version": {
			body: `{"request_id":"r","data":{"data":{"b": 1.50, "a": 12345678901234567890},` +
				`"metadata":{"version":7,"deletion_time":"","destroyed":false}}}`,
			kv: 2, want: driver.Value{
				Data: []byte(`{"b":1.50,"a":12345678901234567890}`), Version: "7",
				Metadata: []byte(`{"version":7,"deletion_time":"","destroyed":false}`),
			},
		},
		"what is said of the value stays as it came": {
			body: `{"data":{"data":{"a":1},"metadata":{"z": 1.50, "custom_metadata":{"a":"\u003c","b":null}, "version":7}}}`,
			kv:   2, want: driver.Value{
				Data: []byte(`{"a":1}`), Version: "7", Metadata: []byte(`{"z": 1.50, "custom_metadata":{"a":"\u003c","b":null}, "version":7}`),
			},
		},
		"version 1 has the value outside, and no version": {
			body: `{"data":{"b":1.50,"a":"x"},"lease_duration":2764800}`,
			kv:   1, want: driver.Value{Data: []byte(`{"b":1.50,"a":"x"}`)},
		},
		"escapes that only HTML needs are undone": {
			body: `{"data":{"a":"\u003c\u0026\u003e\u2028\u2029"}}`,
			kv:   1, want: driver.Value{Data: []byte("{\"a\":\"<&>\u2028\u2029\"}")},
		},
		"other escapes stay": {
			body: `{"data":{"a":"\\u003c \"\n\u0000 \\\u003c"}}`,
			kv:   1, want: driver.Value{Data: []byte(`{"a":"\\u003c \"\n\u0000 \\<"}`)},
		},
		"an empty object is a value": {
			body: `{"data":{"data":{},"metadata":{"version":1}}}`, kv: 2, want: driver.Value{
				Data: []byte(`{}`), Version: "1", Metadata: []byte(`{"version":1}`),
			},
		},
		"a deleted version is not found": {
			body: `{"data":{"data":null,"metadata":{"version":1,"deletion_time":"2026-01-01T00:00:00Z"}}}`, kv: 2, err: errDeleted,
		},
		"a destroyed version is not found": {body: `{"data":{"data":null,"metadata":{"version":1,"destroyed":true}}}`, kv: 2, err: errDeleted},
		"a time of deletion to come is none": {
			body: `{"data":{"data":{"a":1},"metadata":{"version":1,"deletion_time":"2126-01-01T00:00:00Z"}}}`,
			kv:   2, want: driver.Value{
				Data: []byte(`{"a":1}`), Version: "1", Metadata: []byte(`{"version":1,"deletion_time":"2126-01-01T00:00:00Z"}`),
			},
		},
		"data that is null is no value":            {body: `{"data":{"data":null,"metadata":{"version":1}}}`, kv: 2, err: errEmpty},
		"an answer without data is no value":       {body: `{"auth":null}`, kv: 1, err: errEmpty},
		"metadata that is null":                    {body: `{"data":{"data":{"a":1},"metadata":null}}`, kv: 2, err: errNotKV2},
		"version 1 read as version 2":              {body: `{"data":{"a":"x"}}`, kv: 2, err: errNotKV2},
		"version 1 with a text called data":        {body: `{"data":{"data":"x"}}`, kv: 2, err: errNotKV2},
		"version 1 with an object called metadata": {body: `{"data":{"data":{"a":1},"metadata":{"owner":"me"}}}`, kv: 2, err: errNotKV2},
		"version 2 read as version 1": {
			body: `{"data":{"data":{"a":"x"},"metadata":{"created_time":"t","custom_metadata":null,"deletion_time":"","destroyed":false,"version":7}}}`,
			kv:   1, err: errIsKV2,
		},
		"version 1 with members called data and metadata": {
			body: `{"data":{"data":"x","metadata":{"version":7}}}`, kv: 1, want: driver.Value{Data: []byte(`{"data":"x","metadata":{"version":7}}`)},
		},
		"version 1 with more than version 2 has": {
			body: `{"data":{"a":1,"data":{},"metadata":{"created_time":"t","deletion_time":"","destroyed":false,"version":7}}}`,
			kv:   1, want: driver.Value{Data: []byte(`{"a":1,"data":{},"metadata":{"created_time":"t","deletion_time":"","destroyed":false,"version":7}}`)},
		},
		"version 2 without anything":  {body: `{}`, kv: 2, err: errNotKV2},
		"a page":                      {body: `<html>`, kv: 2, err: wire.ErrGarbage},
		"nothing at all":              {body: ``, kv: 1, err: wire.ErrGarbage},
		"an array":                    {body: `[1]`, kv: 1, err: wire.ErrGarbage},
		"an answer that is cut short": {body: `{"data":{"data":{"a":"x"`, kv: 2, err: wire.ErrGarbage},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parse([]byte(test.body), plan.Read{EngineVersion: test.kv})
			if !errors.Is(err, test.err) {
				t.Fatalf("got error %v, want %v", err, test.err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

// An object may have its Secret deleted once the backend has proved that there is nothing any more.
func TestOnlyVaultProvesThatThereIsNoSecret(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want driver.Kind
	}{
		"a secret that is none":                  {`{"errors":[]}`, driver.NotFound},
		"a deleted version":                      {`{"data":{"data":null,"metadata":{"version":1,"deletion_time":"2026-01-01T00:00:00Z"}}}`, driver.NotFound},
		"an engine that is unmounted":            {`{"errors":["no handler for route \"a/b\". route entry not found."]}`, driver.Invalid},
		"a path without data":                    {`{"data":null,"warnings":["Invalid path for a versioned K/V secrets engine."]}`, driver.Invalid},
		"a page of a proxy":                      {`<html>404`, driver.Unavailable},
		"an object of another API":               {`{"message":"not found"}`, driver.Unavailable},
		"errors that are no list":                {`{"errors":"none"}`, driver.Unavailable},
		"no list of errors":                      {`{"errors":null}`, driver.Unavailable},
		"nothing":                                {``, driver.Unavailable},
		"an answer that is cut":                  {`{"errors":[`, driver.Unavailable},
		"data of a version without its metadata": {`{"data":{"data":null,"metadata":null}}`, driver.Unavailable},
		"data that is none of a version":         {`{"data":{"a":"b"}}`, driver.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			if got := (&Driver{}).Classify(notFound([]byte(test.body), "")); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
