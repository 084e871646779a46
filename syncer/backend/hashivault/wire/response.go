package wire

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// ErrGarbage says that it is not Vault that answered.
var ErrGarbage = &driver.Error{
	Kind: driver.Unavailable, Problem: "the answer is not Vault's", Hint: "check VAULT_ADDR, and the proxy on the way",
}

var errRedirect = &driver.Error{
	Kind: driver.Unavailable, Problem: "the answer leads to nowhere, or from https to http",
	Hint: "check VAULT_ADDR, and the api_addr of Vault's nodes",
}

// Kind follows https://developer.hashicorp.com/vault/api-docs#http-status-codes. Errors that are no answer are Unknown.
func Kind(err error) driver.Kind {
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return driver.Unknown
	}
	if InvalidToken(err) {
		return driver.Unauthenticated
	}
	switch answer.StatusCode {
	// 412: a replica lags behind. 472, 473: a standby that does not read.
	case http.StatusPreconditionFailed, 472, 473:
		return driver.Unavailable
	}
	return transport.KindOf(answer.StatusCode)
}

// Forbidden reports whether Vault refused the path or the token.
func Forbidden(err error) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusForbidden
}

// InvalidToken reports whether Vault says that it refused the token. Not all versions do.
func InvalidToken(err error) bool {
	return Says(err, "invalid token", "bad token", "missing client token")
}

// Says reports whether an answer has one of the texts.
func Says(err error, texts ...string) bool {
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return false
	}
	said := strings.Join(answer.Errors, " ")
	for _, text := range texts {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// Explain is Vault's answer without the SDK's words around it.
func Explain(err error) string {
	answer, ok := errors.AsType[*api.ResponseError](err)
	switch {
	case !ok:
		return err.Error()
	case answer.RawError:
		// Not what it says: it may be any page, at any length.
		return fmt.Sprintf("HTTP status %d without an answer of Vault's", answer.StatusCode)
	case len(answer.Errors) == 0:
		return fmt.Sprintf("HTTP status %d", answer.StatusCode)
	}
	return strings.Join(answer.Errors, "; ")
}
