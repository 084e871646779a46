package admit

import (
	"encoding/json"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/secretgate/secretgate/shared/dialect"
)

// typed is a kind of objects, or of what they refer to.
type typed interface{ Type() dialect.Type }

// find returns the kind that a request is about, by its group and name.
func find[K typed](kinds []K, request admission.Request) (found K, handled bool) {
	for _, kind := range kinds {
		if t := kind.Type(); t.Group == request.Kind.Group && t.Kind == request.Kind.Kind {
			return kind, true
		}
	}
	return found, false
}

// typeOf is the zero value for a request of no kind that is handled: any client that reaches the port can name another one.
func typeOf[K typed](kinds []K, request admission.Request) dialect.Type {
	if kind, handled := find(kinds, request); handled {
		return kind.Type()
	}
	return dialect.Type{}
}

// notHandled denies what nothing here can judge: the configuration asks for a policy that would lapse.
func notHandled(request admission.Request) verdict {
	what := fmt.Sprintf("kind %q of group %q", request.Kind.Kind, request.Kind.Group)
	return verdict{reason: unhandled, cause: fmt.Errorf("%s is of no API that this webhook handles, so that its policy cannot be judged: "+
		"name its dialect in --dialects (DIALECTS) of the webhook, or take the rule for it out of the webhook configuration", what)}
}

// read decodes an object. The API server is the one who knows in which namespace it will be.
func read(request admission.Request, into dialect.Object) error {
	if err := bounded(request.Object.Raw); err != nil { // no schema bounds a template
		return err
	}
	if err := json.Unmarshal(request.Object.Raw, into); err != nil {
		return err
	}
	into.SetNamespace(request.Namespace)
	return nil
}
