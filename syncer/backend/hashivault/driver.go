// Package hashivault reads HashiCorp Vault's key-value secrets, and whatever else answers a read with a JSON object.
// https://developer.hashicorp.com/vault/api-docs/secret/kv
package hashivault

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/login"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// Config of the driver. The zero value reads the Vault of this machine as a pod would.
type Config struct {
	// Address of Vault, a URL; empty means http://127.0.0.1:8200, KES's default. VAULT_ADDR.
	Address string
	// Namespace of Vault Enterprise to work in. VAULT_NAMESPACE.
	Namespace string
	// JWTPath is the file of the service-account token, read anew at each login; empty means the pod's own. VAULT_JWT_PATH.
	JWTPath string
	// RoleID and SecretID log in by AppRole those who name no Vault role. VAULT_ROLE_ID, VAULT_SECRET_ID.
	RoleID, SecretID string
	// AppRoleMount is the mount of the AppRole auth method; empty means approle.
	AppRoleMount string
	// RenewThreshold is how long before its end a token is renewed; 0 means min(3 × RefreshInterval, TTL/3). More than half
	// of a token's TTL counts as half, or each read would renew it. VAULT_TOKEN_RENEW_THRESHOLD, in seconds.
	RenewThreshold time.Duration
	// RenewIncrement is the TTL that a renewal asks for; 0: what the token was given.
	RenewIncrement time.Duration
	// Failed is told of each login and renewal that failed (login.OperationLogin, login.OperationRenew); nil: nobody is.
	Failed func(operation string, err error)
	// RefreshInterval is how often objects are read by default. POLLER_INTERVAL_MILLISECONDS.
	RefreshInterval time.Duration
	// EngineFlag is the flag that says of which version KV engines are; empty: each object says it by kvVersion.
	EngineFlag string
	// CACert is a PEM file of the only CAs to trust; empty: the system's. VAULT_CACERT.
	CACert string
	// ExtraCACerts is a PEM file of CAs to trust beside them. NODE_EXTRA_CA_CERTS.
	ExtraCACerts string
	// Timeout of one HTTP request, and of a login, which goes on when its first caller gives up; 0 means 10 s.
	Timeout time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Driver reads Vault.
type Driver struct {
	client     *api.Client
	logins     *login.Logins
	engineFlag string
}

// New makes a driver; it calls nobody.
func New(config Config) (*Driver, error) {
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	client, err := wire.New(wire.Config{
		Address: config.Address, Namespace: config.Namespace,
		CACert: config.CACert, ExtraCACerts: config.ExtraCACerts, Timeout: config.Timeout,
	})
	if err != nil {
		return nil, err
	}
	logins := login.New(client, login.Config{
		JWTPath: config.JWTPath, RoleID: config.RoleID, SecretID: config.SecretID, AppRoleMount: config.AppRoleMount,
		RenewThreshold: config.RenewThreshold, RenewIncrement: config.RenewIncrement, Failed: config.Failed,
		RefreshInterval: config.RefreshInterval, Timeout: config.Timeout, Now: config.Now,
	})
	return &Driver{client: client, logins: logins, engineFlag: config.EngineFlag}, nil
}

// Get reads exactly the key, as a logical path. The value is the secret's data as compact JSON, with numbers and the order
// of keys as Vault sent them. Of the version: a secret that was deleted with its metadata starts anew at 1.
func (d *Driver) Get(ctx context.Context, scope plan.Scope, read plan.Read) (driver.Value, error) {
	var body []byte
	err := d.logins.Do(ctx, scope.Identity, func(token string) (err error) {
		body, err = d.read(ctx, token, read.Key)
		// plan refuses Vault's own paths (auth/token/lookup-self answers the syncer's token); one that begins with a
		// namespace of Vault Enterprise looks like any other.
		if err == nil && bytes.Contains(body, []byte(token)) {
			return errReserved
		}
		return err
	})
	if err != nil {
		return driver.Value{}, err
	}
	value, err := parse(body, read.KVVersion)
	return value, setBy(d.engineFlag, err)
}

// read returns the body of a successful answer.
func (d *Driver) read(ctx context.Context, token, path string) ([]byte, error) {
	answer, err := wire.As(d.client, token).Logical().ReadRawWithContext(ctx, path)
	if answer != nil {
		defer func() { _ = answer.Body.Close() }()
	}
	switch {
	case err != nil && answer == nil:
		return nil, err
	case err != nil && answer.StatusCode == http.StatusNotFound:
		body, _ := io.ReadAll(answer.Body)
		return nil, notFound(body)
	case err != nil:
		return nil, transport.Postpone(err, answer.Header)
	}
	body, err := io.ReadAll(answer.Body)
	switch {
	case errors.Is(err, transport.ErrTooLong):
		return nil, errTooLarge
	case err != nil:
		return nil, err
	}
	return body, nil
}
