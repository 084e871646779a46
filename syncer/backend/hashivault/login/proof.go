package login

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/syncer/backend/hashivault/wire"
	"github.com/secretgate/secretgate/syncer/backend/transport"
)

// podJWTPath is where a pod has its token.
const podJWTPath = "/var/run/secrets/kubernetes.io/serviceaccount/token"

// proof is what a login says: who logs in, and what proves it. It is not kept.
type proof struct {
	roleField, role, secretField, secret string

	roleSecret bool // the role is of a Secret, too
}

func (p proof) body() map[string]any {
	return map[string]any{p.roleField: p.role, p.secretField: p.secret}
}

// failure is the error of a login that Vault, or what is in its place, has answered with a header.
func (p proof) failure(err error, answered http.Header) error {
	if _, garbage := errors.AsType[*json.SyntaxError](err); garbage {
		return wire.ErrGarbage
	}
	return transport.Postpone(p.unquoted(err), answered)
}

// unquoted is the error of a login without an answer's words where these quote the credential: redaction knows few by their form.
func (p proof) unquoted(err error) error {
	said := err.Error()
	if (p.secret == "" || !strings.Contains(said, p.secret)) && (!p.roleSecret || !strings.Contains(said, p.role)) {
		return err
	}
	answer, ok := errors.AsType[*api.ResponseError](err)
	if !ok {
		return wire.ErrGarbage
	}
	return &api.ResponseError{StatusCode: answer.StatusCode, Errors: []string{"the answer quotes the credential, and is not shown"}}
}

func (l *Logins) proof(ctx context.Context, id identity) (p proof, err error) {
	p = proof{roleField: "role", role: id.role, secretField: "jwt"}
	if id.method == backend.VaultAppRole {
		p.roleField, p.secretField = "role_id", "secret_id"
	}
	switch {
	case id.credential != none && l.config.Credentials == nil:
		return p, wire.ErrNoSource
	case id.credential != none:
		if p.secret, err = l.config.Credentials(ctx, id.credential); err != nil || id.identifier == none {
			return p, err
		}
		p.roleSecret = true
		p.role, err = l.config.Credentials(ctx, id.identifier)
	case id.method == backend.VaultAppRole:
		p.role, p.secret = l.config.RoleID, l.config.SecretID
	default:
		p.secret, err = l.jwt()
	}
	return p, err
}

// jwt reads the file each time: kubelet replaces it before the token in it expires.
func (l *Logins) jwt() (string, error) {
	text, err := os.ReadFile(cmp.Or(l.config.JWTPath, podJWTPath))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoJWT, err)
	}
	return strings.TrimSpace(string(text)), nil
}
