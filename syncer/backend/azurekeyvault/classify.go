package azurekeyvault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

var errNoVault = &driver.Error{Kind: driver.Invalid, Problem: "no Key Vault is named"}

// postpone adds when Key Vault said to ask again.
func postpone(err error) error {
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok && answer.RawResponse != nil {
		return transport.Postpone(err, answer.RawResponse.Header)
	}
	return err
}

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind { return driver.KindOfItem(err, d.kind(err)) }

func (d *Driver) kind(err error) driver.Kind {
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Kind
	}
	if answer, ok := errors.AsType[*azcore.ResponseError](err); ok {
		if answer.StatusCode == http.StatusNotFound && answer.ErrorCode == "" {
			return driver.Unavailable // no vault's answer
		}
		// https://learn.microsoft.com/azure/key-vault/general/rest-error-codes. A disabled secret is a 403.
		return transport.KindOf(answer.StatusCode)
	}
	switch {
	case d.noSuchVault(err):
		return driver.NotFound
	case garbage(err), transport.Unanswered(err):
		return driver.Unavailable
	case challenge(err):
		return driver.Unauthenticated
	}
	return driver.Unknown
}

// noSuchVault: vaults are host names, and this one has no address.
func (d *Driver) noSuchVault(err error) bool {
	dns, ok := errors.AsType[*net.DNSError](err)
	return ok && dns.IsNotFound && strings.HasSuffix(strings.TrimSuffix(dns.Name, "."), "."+d.cloud.Suffix)
}

// Doubts implements driver.Doubter: a vault that has no address now may have had one, and may have one again.
func (d *Driver) Doubts(err error) bool { return d.noSuchVault(err) }

// garbage reports whether the SDK could not decode an answer; such errors have no type.
func garbage(err error) bool { return strings.HasPrefix(err.Error(), "unmarshalling type ") }

// challenge reports whether a vault asks for a token for another resource, or does not say for which.
func challenge(err error) bool {
	text := err.Error()
	return strings.Contains(text, "challenge resource") || strings.Contains(text, "WWW-Authenticate")
}

// Explain is Azure's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string {
	if item, ok := errors.AsType[*driver.ItemError](err); ok {
		return driver.Word(item.Name) + ": " + d.Explain(item.Err)
	}
	if own, ok := errors.AsType[*driver.Error](err); ok {
		return own.Error()
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

// keyVaultError is Key Vault's code and message.
func keyVaultError(answer *azcore.ResponseError) string {
	said := sayingOf(answer)
	if said.Code == "" {
		return fmt.Sprintf("HTTP status %d without an answer of Key Vault's", answer.StatusCode)
	}
	return driver.Word(said.Code) + ": " + said.Message
}

// saying is what Key Vault says of an error: https://learn.microsoft.com/azure/key-vault/general/rest-error-codes.
type saying struct {
	Code, Message string
	Inner         struct{ Code string } `json:"innererror"`
}

// sayingOf reads an answer, of which the SDK keeps the outer code alone. It is empty where that is not one of Key Vault's.
func sayingOf(answer *azcore.ResponseError) saying {
	var said struct{ Error saying }
	if answer.RawResponse == nil {
		return saying{}
	}
	if body, err := runtime.Payload(answer.RawResponse); err != nil || json.Unmarshal(body, &said) != nil {
		return saying{}
	}
	return said.Error
}
