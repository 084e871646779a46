package hashivault

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"testing"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
)

func TestClassify(t *testing.T) {
	status := func(code int, said ...string) error { return &api.ResponseError{StatusCode: code, Errors: said} }
	_, noFile := os.Open("/nonexistent")
	tests := map[string]struct {
		err     error
		want    driver.Kind
		explain string
	}{
		"400": {status(400, "bad path"), driver.Invalid, "bad path"},
		"403": {status(403, "permission denied"), driver.Denied, "permission denied"},
		"403 for a token that is not valid": {status(403, "2 errors occurred:\n\t* permission denied\n\t* invalid token"), driver.Unauthenticated,
			"2 errors occurred:\n\t* permission denied\n\t* invalid token"},
		"404":                       {status(404), driver.NotFound, "HTTP status 404"},
		"404 with a warning":        {&pathError{said: []string{"a", "b"}}, driver.Invalid, "a; b"},
		"404 of a secret":           {&notFoundError{}, driver.NotFound, "there is no such secret"},
		"405":                       {status(405, "unsupported operation"), driver.Invalid, "unsupported operation"},
		"412":                       {status(412), driver.Unavailable, "HTTP status 412"},
		"429":                       {status(429, "rate limit quota exceeded"), driver.Throttled, "rate limit quota exceeded"},
		"472 of a standby":          {status(472), driver.Unavailable, "HTTP status 472"},
		"473 of a standby":          {status(473), driver.Unavailable, "HTTP status 473"},
		"500":                       {status(500, "internal error"), driver.Unavailable, "internal error"},
		"503 of one that is sealed": {status(503, "Vault is sealed"), driver.Unavailable, "Vault is sealed"},
		"a page of a proxy": {&api.ResponseError{StatusCode: 502, RawError: true, Errors: []string{"<html>planted"}}, driver.Unavailable,
			"HTTP status 502 without an answer of Vault's"},
		"a login without a role": {
			&login.Error{Err: status(400, `invalid role name "a"`)}, driver.Denied, `no login: invalid role name "a"`,
		},
		"a login of another account": {
			&login.Error{Err: status(403, "service account name not authorized")}, driver.Denied, "no login: service account name not authorized",
		},
		"a login with a bad token": {
			&login.Error{Err: status(403, "permission denied")}, driver.Unauthenticated, "no login: permission denied",
		},
		"a login without a token file": {
			&login.Error{Err: fmt.Errorf("%w: %w", login.ErrNoJWT, noFile)}, driver.Unauthenticated, "no login: " + login.ErrNoJWT.Problem + ": " + noFile.Error(),
		},
		"a login while TokenReview is down": {&login.Error{Err: status(500, "x")}, driver.Unavailable, "no login: x"},
		"no connection":                     {&url.Error{Op: "Get", URL: "http://a", Err: io.EOF}, driver.Unavailable, `Get "http://a": EOF`},
		"an answer that is cut short":       {io.ErrUnexpectedEOF, driver.Unavailable, "unexpected EOF"},
		"a deleted version":                 {errDeleted, driver.NotFound, errDeleted.Problem},
		"no role":                           {login.ErrNoRole, driver.Invalid, login.ErrNoRole.Problem},
		"anything else":                     {errors.New("x"), driver.Unknown, "x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &Driver{}
			if got := d.Classify(test.err); got != test.want {
				t.Errorf("kind %s, want %s", got, test.want)
			}
			if got := d.Explain(test.err); got != test.explain {
				t.Errorf("explained as %q, want %q", got, test.explain)
			}
		})
	}
}

func TestOnlyASecretThatIsMissingIsNotFound(t *testing.T) {
	for name, test := range map[string]struct {
		body string // of a 404
		want bool
	}{
		"a secret that is not there":                 {`{"errors":[]}`, true},
		"a version that is deleted":                  {`{"data":{"data":null,"metadata":{"version":1,"deletion_time":"2026-01-01T00:00:00Z"}}}`, true},
		"an engine that is not there":                {`{"errors":["no handler for route \"a/b\". route entry not found."]}`, false},
		"a path that lacks data/":                    {`{"errors":[],"warnings":["Invalid path for a versioned K/V secrets engine."]}`, false},
		"a page of a proxy":                          {"<html>", false},
		"an object that is none of Vault's":          {`{"message":"no route"}`, false},
		"no answer at all":                           {"", false},
		"data that is that of no version of Vault's": {`{"data":{}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			kind := (&Driver{}).Classify(notFound([]byte(test.body), ""))
			if got := kind == driver.NotFound; got != test.want {
				t.Errorf("got %s, want it found to be missing: %t", kind, test.want)
			}
		})
	}
}
