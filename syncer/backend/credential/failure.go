package credential

import (
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend/driver"
)

// right is what a credential takes at the API server.
type right struct {
	verb, resource string
	deed, kind     string // for messages
	plan.Credential
}

// name is short, and without quotes, which would look like those of a value.
func (r right) name() string {
	return r.kind + " " + driver.Word(r.Namespace) + "/" + driver.Word(r.Name)
}

// value is what was found under a key, without the new line that people write at its end, or why it cannot be used.
func (r right) value(found string, there bool) (string, error) {
	at := "key " + driver.Word(r.Key)
	if r.Kind == plan.AnnotationCredential {
		at = "annotation " + driver.Word(r.Key)
	}
	if !there {
		return "", &driver.Error{
			Kind: driver.Unauthenticated, Problem: r.name() + " has no " + at, Hint: "add it, or correct its name in the store",
		}
	}
	text := strings.TrimSpace(found)
	if text == "" {
		return "", &driver.Error{
			Kind: driver.Unauthenticated, Problem: "the " + at + " of " + r.name() + " has an empty value", Hint: "write the credential there",
		}
	}
	return text, nil
}

// failure is why the API server gave no credential. None is of kind NotFound, which would say that the backend has no such value. Of the
// API server's words only its reason is shown: an admission webhook may have written the others.
func (r right) failure(err error) *driver.Error {
	switch {
	case apierrors.IsNotFound(err):
		return &driver.Error{
			Kind: driver.Unauthenticated, Problem: r.name() + " does not exist", Hint: "create it, or correct its name in the store",
		}
	case apierrors.IsForbidden(err):
		return &driver.Error{
			Kind: driver.Unauthenticated, Problem: fmt.Sprintf("the syncer may not %s %s", r.deed, r.name()),
			Hint: fmt.Sprintf("bind to the syncer's ServiceAccount, in namespace %s, a Role with the rule "+
				`{apiGroups: [""], resources: [%s], resourceNames: [%s], verbs: [%s]}`,
				driver.Word(r.Namespace), r.resource, driver.Word(r.Name), r.verb),
		}
	}
	problem := "the API server does not give the credential of " + r.name()
	if reason := apierrors.ReasonForError(err); reason != "" {
		problem += " (" + driver.Word(string(reason)) + ")"
	}
	return &driver.Error{Kind: kindOf(err), Problem: problem}
}

func kindOf(err error) driver.Kind {
	switch {
	case apierrors.IsTooManyRequests(err):
		return driver.Throttled
	case apierrors.IsBadRequest(err), apierrors.IsInvalid(err):
		return driver.Invalid
	}
	return driver.Unavailable
}
