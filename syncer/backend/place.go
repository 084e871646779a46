package backend

import (
	"fmt"
	"strings"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// place says where the read went and as whom, without what is the installation's.
func place(s plan.Store) string {
	nouns := known(s.Backend).Nouns
	var text strings.Builder
	if s.Address != "" {
		text.WriteString(" at " + s.Address)
	}
	for _, aspect := range []plan.Aspect{plan.Namespace, plan.Location, plan.Container} {
		if value := s.Get(aspect); value != "" {
			text.WriteString(" in " + strings.TrimSpace(nouns[aspect]+" "+value))
		}
	}
	if mount := nouns[plan.Mount]; mount != "" && s.Mount != "" && (s.Role == "" || nouns[plan.Role] == "") { // else the identity names it
		fmt.Fprintf(&text, " at %s %q", mount, s.Mount)
	}
	if who := identity(s); who != "" {
		text.WriteString(" as " + who)
	}
	return text.String()
}

// identity is the role that reads: the last that is assumed, or that of a ServiceAccount. Empty: the syncer itself, without a role or with
// one that only its settings name, such as VAULT_ROLE_ID.
func identity(s plan.Store) string {
	nouns := known(s.Backend).Nouns
	switch noun := nouns[plan.Role]; {
	case noun != "" && s.Role != "":
		return fmt.Sprintf("%s %q at %s %q", noun, s.Role, nouns[plan.Mount], s.Mount)
	case s.Role != "":
		return s.Role
	case s.Login.Chain != "":
		roles := s.Login.Chain.Texts()
		return roles[len(roles)-1]
	case s.Login.Account != "":
		return s.Login.Account
	case s.Credential.Kind != plan.OwnCredential:
		return driver.Proof(s.Credential)
	}
	return ""
}

// known is what is known of a backend; nothing of one that does not exist.
func known(name plan.Backend) backends.Backend {
	if b, ok := backends.Of(name); ok {
		return *b
	}
	return backends.Backend{}
}

// defaultRead is what a read of the backend asks for where the object says nothing of versions.
func defaultRead(name plan.Backend) plan.Read {
	if read := known(name).Read; read != nil {
		return read(plan.Read{})
	}
	return plan.Read{}
}
