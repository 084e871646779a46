package hashivault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// mistake is an error that says itself what to do.
type mistake struct{ problem, remedy string }

func (m *mistake) Error() string  { return m.problem }
func (m *mistake) Remedy() string { return m.remedy }

var (
	errReserved = &mistake{"the path is one of Vault's own, whose answers hold the syncer's credentials", "name a path of a secrets engine"}
	errNoRole   = &mistake{"no Vault role is given", "set spec.vaultRole, or DEFAULT_VAULT_ROLE for webhook and syncer"}
	errNoMount  = &mistake{
		"no mount of Vault's Kubernetes auth method is given",
		"set spec.vaultMountPoint, or DEFAULT_VAULT_MOUNT_POINT for webhook and syncer",
	}
	errNoJWT    = &mistake{"the service-account token cannot be read", "mount it where VAULT_JWT_PATH says"}
	errNotKV2   = &mistake{"the answer is none of a KV engine of version 2", "set kvVersion: 1 if the engine is of version 1"}
	errTooLarge = &mistake{"the answer is larger than any value that a Secret can hold", "keep less under one key"}
	errGarbage  = &mistake{"the answer is not Vault's", "check VAULT_ADDR, and the proxy on the way"}
	errRedirect = &mistake{"the answer leads to nowhere, or from https to http", "check VAULT_ADDR, and the api_addr of Vault's nodes"}
	errDeleted  = &mistake{"the current version is deleted or destroyed", "undelete it, or write a new one"}
	errEmpty    = &mistake{"the answer holds no data", "check that the path names a secret"}
)

// notFoundError is a 404, with what Vault says about it.
type notFoundError struct{ said []string }

func (e *notFoundError) Error() string { return strings.Join(e.said, "; ") }

// loginError says that no token could be had.
type loginError struct{ err error }

func (e *loginError) Error() string { return "no login: " + e.err.Error() }
func (e *loginError) Unwrap() error { return e.err }

// Classify implements driver.Driver.
func (d *Driver) Classify(err error) driver.Kind {
	var missing *notFoundError
	switch {
	case errors.As(err, &missing), errors.Is(err, errDeleted):
		return driver.NotFound
	case errors.Is(err, errReserved), errors.Is(err, errNoRole), errors.Is(err, errNoMount), errors.Is(err, errNotKV2),
		errors.Is(err, errTooLarge), errors.Is(err, errEmpty):
		return driver.Invalid
	case errors.Is(err, errNoJWT): // before unreachable: the system's errors look like the network's
		return driver.Unauthenticated
	case errors.Is(err, errGarbage), unreachable(err):
		return driver.Unavailable
	}
	var response *api.ResponseError
	var refused *loginError
	isLogin := errors.As(err, &refused)
	switch {
	case errors.As(err, &response) && isLogin:
		return kindOfLogin(response)
	case response != nil:
		return kindOfRead(response)
	case isLogin:
		return driver.Unauthenticated
	}
	return driver.Unknown
}

// kindOfRead follows https://developer.hashicorp.com/vault/api-docs#http-status-codes.
func kindOfRead(response *api.ResponseError) driver.Kind {
	switch status := response.StatusCode; {
	case saysInvalidToken(response), status == http.StatusUnauthorized:
		return driver.Unauthenticated
	case status == http.StatusForbidden:
		return driver.Denied
	case status == http.StatusNotFound:
		return driver.NotFound
	case status == http.StatusTooManyRequests:
		return driver.Throttled
	// 412: a replica lags behind. 472, 473: a standby that does not read. 503: sealed, or under maintenance.
	case status >= 500, status == http.StatusPreconditionFailed, status == 472, status == 473:
		return driver.Unavailable
	}
	return driver.Invalid
}

// kindOfLogin tells a role that is not for us from credentials that are not accepted.
func kindOfLogin(response *api.ResponseError) driver.Kind {
	said := strings.Join(response.Errors, " ")
	switch kind := kindOfRead(response); {
	case kind == driver.Unavailable, kind == driver.Throttled:
		return kind
	case strings.Contains(said, "not authorized"), strings.Contains(said, "invalid role name"):
		return driver.Denied
	}
	return driver.Unauthenticated
}

func unreachable(err error) bool {
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// Explain is Vault's answer without the SDK's words around it.
func (d *Driver) Explain(err error) string {
	var response *api.ResponseError
	if !errors.As(err, &response) {
		return err.Error()
	}
	prefix := ""
	if _, isLogin := errors.AsType[*loginError](err); isLogin {
		prefix = "no login: "
	}
	if response.RawError {
		// Not what it says: it may be any page, at any length.
		return fmt.Sprintf("%sHTTP status %d without an answer of Vault's", prefix, response.StatusCode)
	}
	if len(response.Errors) == 0 {
		return fmt.Sprintf("%sHTTP status %d", prefix, response.StatusCode)
	}
	return prefix + strings.Join(response.Errors, "; ")
}

func forbidden(err error) bool {
	var response *api.ResponseError
	return errors.As(err, &response) && response.StatusCode == http.StatusForbidden
}

func saysInvalidToken(err error) bool {
	var response *api.ResponseError
	if !errors.As(err, &response) {
		return false
	}
	said := strings.Join(response.Errors, " ")
	return strings.Contains(said, "invalid token") || strings.Contains(said, "bad token") || strings.Contains(said, "missing client token")
}
