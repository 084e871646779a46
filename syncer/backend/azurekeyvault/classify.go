package azurekeyvault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

var (
	errNoVault = errors.New("no Key Vault is named")
	// errNoValue must never pass for an empty value.
	errNoValue = errors.New("the answer holds no value")
)

// tokenError says why there is no token. It holds no error of the SDK's, which may quote the answer, token included.
type tokenError struct {
	kind driver.Kind
	text string
}

func (e *tokenError) Error() string { return "no login: " + e.text }

// Remedy is for what the SDK would have a programmer set.
func (e *tokenError) Remedy() string {
	if strings.Contains(e.text, "AdditionallyAllowedTenants") {
		return "set AZURE_TENANT_ID to the tenant of the vault, or name that in AZURE_ADDITIONALLY_ALLOWED_TENANTS"
	}
	return ""
}

// notSetUp is for credentials that cannot even be tried.
func notSetUp(err error) error { return &tokenError{kind: driver.Unauthenticated, text: err.Error()} }

// postpone adds when Key Vault said to ask again.
func postpone(err error) error {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok && answer.RawResponse != nil {
		return transport.Postpone(err, answer.RawResponse.Header)
	}
	return err
}

// refusal words why a credential gave no token, by the last call that was made.
func (r *record) refusal(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last
	switch {
	case last.err != nil && last.host == metadataHost && !errors.Is(last.err, context.DeadlineExceeded):
		return notSetUp(fmt.Errorf("neither a client secret nor a workload identity is set up, and no managed identity answers: %w", last.err))
	case last.err != nil:
		return &tokenError{kind: driver.Unavailable, text: last.err.Error()}
	case last.status == 0:
		return notSetUp(err) // nobody was called
	case last.status < http.StatusBadRequest:
		return &tokenError{kind: driver.Unavailable, text: "the answer of " + last.host + " is not Entra ID's"}
	}
	kind := kindOfStatus(last.status)
	if kind == driver.Invalid || kind == driver.Denied || kind == driver.NotFound {
		kind = driver.Unauthenticated
	}
	return transport.Postpone(&tokenError{kind: kind, text: oauthError(last)}, last.header)
}

// oauthError is Entra's answer, or a metadata endpoint's, without what is another each time.
func oauthError(last outcome) string {
	var said struct {
		Code    string `json:"error"`
		Message string `json:"error_description"`
	}
	if json.Unmarshal(last.body, &said) != nil || said.Code == "" {
		return fmt.Sprintf("HTTP status %d of %s without an answer of Entra ID's", last.status, last.host)
	}
	message, _, _ := strings.Cut(said.Message, "Trace ID:")
	return strings.Trim(said.Code+": "+message, ": ")
}

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind {
	if token, ok := errors.AsType[*tokenError](err); ok {
		return token.kind
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		if answer.StatusCode == http.StatusNotFound && answer.ErrorCode == "" {
			return driver.Unavailable // no vault's answer
		}
		return kindOfStatus(answer.StatusCode)
	}
	switch {
	case errors.Is(err, errNoVault):
		return driver.Invalid
	case d.noSuchVault(err):
		return driver.NotFound
	case errors.Is(err, errNoValue), garbage(err), unreachable(err):
		return driver.Unavailable
	case challenge(err):
		return driver.Unauthenticated
	}
	return driver.Unknown
}

// kindOfStatus follows https://learn.microsoft.com/azure/key-vault/general/rest-error-codes. A disabled secret is a 403.
func kindOfStatus(status int) driver.Kind {
	switch {
	case status == http.StatusUnauthorized:
		return driver.Unauthenticated
	case status == http.StatusForbidden:
		return driver.Denied
	case status == http.StatusNotFound:
		return driver.NotFound
	case status == http.StatusTooManyRequests:
		return driver.Throttled
	case status >= 500, status < 400, status == http.StatusRequestTimeout:
		return driver.Unavailable
	}
	return driver.Invalid
}

// noSuchVault: vaults are host names, and this one has no address.
func (d *Driver) noSuchVault(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound && strings.HasSuffix(strings.TrimSuffix(dns.Name, "."), "."+d.cloud.suffix)
}

// garbage tells an answer that the SDK cannot decode; it gives no error a type.
func garbage(err error) bool { return strings.HasPrefix(err.Error(), "unmarshalling type ") }

// challenge tells a vault that asks for a token to somebody else, or does not say for whom.
func challenge(err error) bool {
	text := err.Error()
	return strings.Contains(text, "challenge resource") || strings.Contains(text, "WWW-Authenticate")
}

func unreachable(err error) bool {
	var network net.Error
	var request *url.Error
	var large *http.MaxBytesError
	return errors.As(err, &network) || errors.As(err, &request) || errors.As(err, &large) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Explain is Azure's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string {
	if token, ok := errors.AsType[*tokenError](err); ok {
		return token.Error()
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return keyVaultError(answer)
	}
	if d.noSuchVault(err) {
		return "no Key Vault has this name"
	}
	if garbage(err) {
		return "the answer is not one of Key Vault's" // not what it says: it may quote the answer
	}
	if request, ok := errors.AsType[*url.Error](err); ok {
		return request.Err.Error()
	}
	return err.Error()
}

// keyVaultError is the code and message of https://learn.microsoft.com/azure/key-vault/general/rest-error-codes.
func keyVaultError(answer *azcore.ResponseError) string {
	var said struct {
		Error struct{ Code, Message string }
	}
	var body []byte
	if answer.RawResponse != nil {
		body, _ = runtime.Payload(answer.RawResponse)
	}
	if json.Unmarshal(body, &said) != nil || said.Error.Code == "" {
		return fmt.Sprintf("HTTP status %d without an answer of Key Vault's", answer.StatusCode)
	}
	return said.Error.Code + ": " + said.Error.Message
}
