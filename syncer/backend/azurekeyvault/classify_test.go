package azurekeyvault

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// answered is what the SDK makes of an answer that is no success.
func answered(status int, body string) error {
	return runtime.NewResponseError(&http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))})
}

func TestClassify(t *testing.T) {
	d, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	said := func(code string) string { return fmt.Sprintf(`{"error":{"code":%q,"message":"m"}}`, code) }
	dial := func(err error) error { return &url.Error{Op: "Get", URL: "https://v.vault.azure.net", Err: err} }
	tests := map[string]struct {
		err     error
		want    driver.Kind
		explain string
	}{
		"no such secret":         {answered(404, said("SecretNotFound")), driver.NotFound, "SecretNotFound: m"},
		"a denial":               {answered(403, said("Forbidden")), driver.Denied, "Forbidden: m"},
		"a token that is no use": {answered(401, said("Unauthorized")), driver.Unauthenticated, "Unauthorized: m"},
		"a name that is none":    {answered(400, said("BadParameter")), driver.Invalid, "BadParameter: m"},
		"throttling":             {answered(429, said("Throttled")), driver.Throttled, "Throttled: m"},
		"an outage":              {answered(503, said("ServiceUnavailable")), driver.Unavailable, "ServiceUnavailable: m"},
		"a page that is not found": {
			answered(404, "<html>planted</html>"), driver.Unavailable, "HTTP status 404 without an answer of Key Vault's",
		},
		"a page in place of an answer": {
			errors.New("unmarshalling type *azsecrets.Secret: invalid character 'p'"), driver.Unavailable, "the answer is not one of Key Vault's",
		},
		"a vault that does not exist": {
			dial(&net.DNSError{Name: "v.vault.azure.net", IsNotFound: true}), driver.NotFound, "no Key Vault has this name",
		},
		"a proxy that does not exist": {
			dial(&net.DNSError{Name: "proxy.example", IsNotFound: true, Err: "no such host"}), driver.Unavailable, "lookup proxy.example: no such host",
		},
		"no connection": {dial(io.EOF), driver.Unavailable, "EOF"},
		"a challenge of another's": {
			errors.New(`challenge resource "https://evil.example" doesn't match the requested domain`), driver.Unauthenticated,
			`challenge resource "https://evil.example" doesn't match the requested domain`,
		},
		"an answer without a value": {driver.ErrNoValue, driver.Unavailable, "the answer holds no value"},
		"no vault":                  {errNoVault, driver.Invalid, "no Key Vault is named"},
		"anything else":             {errors.New("x"), driver.Unknown, "x"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := d.Classify(test.err); got != test.want {
				t.Errorf("kind %s, want %s", got, test.want)
			}
			if got := d.Explain(test.err); got != test.explain {
				t.Errorf("explained as %q, want %q", got, test.explain)
			}
			if want := name == "a vault that does not exist"; d.Doubts(test.err) != want {
				t.Errorf("got doubts %t, want %t", !want, want)
			}
		})
	}
}
