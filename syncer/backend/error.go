package backend

import (
	"errors"
	"fmt"
	"strings"

	apiv1 "github.com/secretgate/secretgate/shared/api/v1"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// ErrNotConfigured says that this syncer has no driver for the backend. Its Kind is driver.Invalid: to ask again
// is of no use.
var ErrNotConfigured = errors.New("backend not configured")

// Error is why a read failed, in words for whoever wrote the ExternalSecret. It may be logged and shown: it holds no
// value and no credential.
type Error struct {
	Kind   driver.Kind
	Source plan.Source
	// Message is what the backend said, redacted and cut at 300 characters; it may be empty.
	Message string

	// remedy of the driver's own; empty: that of the kind.
	remedy string
	// cause is ErrNotConfigured, an error of context, or nil; never an SDK's error, whose text is not redacted.
	cause error
}

func newError(source plan.Source, kind driver.Kind, text string, cause error) *Error {
	s := source.Scope
	message := redact(text, source.Key, s.Identity.RoleARN, s.Identity.VaultMount, s.Identity.VaultRole, source.VersionID, source.VersionStage)
	return &Error{Kind: kind, Source: source, Message: message, cause: cause}
}

func notConfigured(source plan.Source) *Error {
	e := newError(source, driver.Invalid, "this syncer is not set up for the backend", ErrNotConfigured)
	e.remedy = "configure it at the syncer, or use another backendType"
	return e
}

// Unwrap returns ErrNotConfigured, context.Canceled, context.DeadlineExceeded or nil.
func (e *Error) Unwrap() error { return e.cause }

// Error names the read, the cause and the remedy.
func (e *Error) Error() string {
	cause := e.text()
	if e.Message != "" {
		cause += ": " + e.Message
	}
	return fmt.Sprintf("cannot read %s from %s%s: %s; %s", e.read(), e.Source.Backend, place(e.Source.Scope), cause, e.Remedy())
}

func (e *Error) read() string {
	s := e.Source
	text := fmt.Sprintf("key %q", s.Key)
	if s.Path {
		text = fmt.Sprintf("path %q", s.Key)
	}
	switch {
	case s.VersionID != "":
		text += " (version " + s.VersionID + ")"
	case s.VersionStage == "AWSCURRENT", s.VersionStage == "ACSCurrent", s.Version == "latest":
		// what everybody means who says nothing
	case s.VersionStage != "":
		text += " (stage " + s.VersionStage + ")"
	case s.Version != "":
		text += " (version " + s.Version + ")"
	}
	return text
}

// place says where the read went and as whom, without the fields that the backend has not.
func place(s plan.Scope) string {
	var text strings.Builder
	for _, part := range []struct{ name, value string }{
		{" in region ", s.Region}, {" in project ", s.Project}, {" in vault ", s.KeyVault},
	} {
		if part.value != "" {
			text.WriteString(part.name + part.value)
		}
	}
	if who := identity(s); who != "" {
		text.WriteString(" as " + who)
	}
	return text.String()
}

func identity(s plan.Scope) string {
	switch {
	case s.Identity.RoleARN != "":
		return s.Identity.RoleARN
	case s.Identity.VaultRole != "" || s.Identity.VaultMount != "":
		return fmt.Sprintf("role %q at mount %q", s.Identity.VaultRole, s.Identity.VaultMount)
	}
	return ""
}

func (e *Error) text() string {
	switch e.Kind {
	case driver.NotFound:
		return "not found"
	case driver.Denied:
		return "access denied"
	case driver.Invalid:
		return "not a valid request"
	case driver.Unauthenticated:
		return "not authenticated"
	case driver.Throttled:
		return "asked too often"
	case driver.Unavailable:
		return "unavailable"
	default:
		return "failed"
	}
}

// Remedy says what to do.
func (e *Error) Remedy() string {
	if e.remedy != "" {
		return e.remedy
	}
	switch e.Kind {
	case driver.NotFound:
		return e.notFoundRemedy()
	case driver.Denied:
		return e.deniedRemedy()
	case driver.Invalid:
		return "correct the key and its options in the ExternalSecret"
	case driver.Unauthenticated:
		return e.credentialRemedy()
	case driver.Throttled:
		return "it is tried again later: raise refreshInterval, or the backend's quota, if this goes on"
	case driver.Unavailable:
		return "it is tried again: check the backend's health, and the network and proxy on the way, if this goes on"
	default:
		return "it is tried again: look into the backend's own logs if this goes on"
	}
}

func (e *Error) notFoundRemedy() string {
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager:
		return "check the key, the region, and the version or staging label"
	case apiv1.BackendVault:
		return "check the path: with kvVersion 2 it is <mount>/data/<name>, and <mount>/<name> with kvVersion 1"
	default:
		return "check the key and its version"
	}
}

func (e *Error) deniedRemedy() string {
	who := identity(e.Source.Scope)
	if who == "" {
		who = "the syncer's own identity"
	}
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager:
		if strings.Contains(e.Message, "sts:AssumeRole") {
			return "let the syncer's identity assume the role: in the role's trust policy, and with sts:AssumeRole in its own"
		}
		return "allow secretsmanager:GetSecretValue on the secret, and kms:Decrypt on its key, to " + who
	case apiv1.BackendVault:
		if strings.HasPrefix(e.Message, "no login") {
			return "create the role, or let it accept the syncer's ServiceAccount (bound_service_account_names and _namespaces)"
		}
		return "give " + who + " a policy with the capability read on the path"
	default:
		return "allow " + who + " to read it"
	}
}

func (e *Error) credentialRemedy() string {
	switch e.Source.Backend {
	case apiv1.BackendAWSSecretsManager, apiv1.BackendAWSParameterStore:
		return "give the syncer AWS credentials: a role for its service account (web identity or pod identity), an instance role, " +
			"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	case apiv1.BackendVault:
		return "check that Vault's Kubernetes auth method is at this mount and accepts the syncer's service-account token (VAULT_JWT_PATH)"
	default:
		return "check the credentials that the syncer is given for this backend"
	}
}
