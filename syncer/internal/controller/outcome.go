package controller

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/text"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/internal/apply"
	"github.com/secretgate/secretgate/syncer/internal/fetch"
	"github.com/secretgate/secretgate/syncer/internal/render"
)

// maxMessage bounds a status message: a thousand violations help no reader.
const maxMessage = 2000

// outcome is the result of one attempt. Everything that is reported about it (status, event, metrics), and the time of the next
// attempt, follow from it.
type outcome struct {
	reason  plan.Reason
	message string // for a failure, or what is remarkable of a success
	entries []plan.EntryRecord
	result  apply.Result // of a written Secret
	// overtaken: another client changed the Secret while it was written, so it has to be compared once more.
	overtaken  bool
	unreadable bool // the API server did not show the Secret
	absent     bool // the backend does not have all that the object reads, which is no failure
	removed    bool // the Secret was deleted for that
	// retry: it is tried again after a back-off. Otherwise the engine notifies when a source has changed, or the user has to edit
	// something first.
	retry       bool
	longBackoff bool // the next attempt costs much, and is likely to fail as this one did
	// templates are why templates failed, one kind for each that did.
	templates []template.Kind
}

func (o outcome) ok() bool {
	switch o.reason {
	case plan.ReasonSynced, plan.ReasonSuspended, plan.ReasonSecretMissing, plan.ReasonSecretDeleted:
		return true
	}
	return false
}

func suspended(p *plan.Plan) outcome {
	return outcome{reason: plan.ReasonSuspended, message: p.Words.Paused}
}

func synced(result apply.Result, entries []plan.EntryRecord, overtaken bool) outcome {
	return outcome{reason: plan.ReasonSynced, result: result, entries: entries, overtaken: overtaken}
}

// invalidObject is for an object that makes no Plan. An object that it refers to and that is missing may come without an edit.
func invalidObject(errs field.ErrorList) outcome {
	o := outcome{reason: plan.ReasonStoreNotFound, message: shorten(errs.ToAggregate().Error())}
	if wrong, _ := dialect.Split(errs); len(wrong) > 0 {
		o.reason = plan.ReasonInvalidSpec
	}
	return o
}

// unplanned is invalidObject for one whose references were read.
func unplanned(errs field.ErrorList, found found) outcome {
	o := invalidObject(errs)
	switch {
	case o.reason != plan.ReasonStoreNotFound:
	case len(found.refused) > 0:
		return unreadable(found.refused)
	case found.unwatched:
		o.retry = true // no event says when it comes
	}
	return o
}

func denied(object string, violations policy.Violations) outcome {
	return outcome{reason: plan.ReasonPolicyDenied, message: shorten(violations.Message(object))}
}

// namespaceUnreadable is for a namespace that cannot be read: without its policy nothing is fetched.
func namespaceUnreadable(object string, err error) outcome {
	return outcome{reason: plan.ReasonPolicyDenied, retry: true,
		message: shorten(fmt.Sprintf("not allowed to fetch secret: %s: its namespace cannot be read: %v", object, err))}
}

// kinds maps the kind of a backend's failure to the reason in the status.
var kinds = map[driver.Kind]plan.Reason{
	driver.Unknown:         plan.ReasonUnavailable,
	driver.NotFound:        plan.ReasonSecretNotFound,
	driver.Denied:          plan.ReasonAccessDenied,
	driver.Invalid:         plan.ReasonInvalidRequest,
	driver.Unauthenticated: plan.ReasonUnauthenticated,
	driver.Throttled:       plan.ReasonThrottled,
	driver.Unavailable:     plan.ReasonUnavailable,
}

func reasonOf(err error) plan.Reason {
	if errors.Is(err, backend.ErrNotConfigured) {
		return plan.ReasonBackendNotConfigured
	}
	if failure, ok := errors.AsType[*backend.Error](err); ok {
		return kinds[failure.Kind]
	}
	return plan.ReasonUnavailable
}

// unread is for reads that failed. The first one, in the order of the entries, names the reason.
func unread(p *plan.Plan, failures []fetch.Failure, entries []plan.EntryRecord) outcome {
	failed := make(map[plan.Source]error, len(failures))
	for _, f := range failures {
		failed[f.Source] = f.Err
	}
	var fields []string
	first := failures[0]
	for _, e := range p.Entries {
		if failed[e.Source] != nil {
			fields = append(fields, e.Field)
		}
	}
	message := fmt.Sprintf("%s: %s", fields[0], textOf(p, first))
	switch more := len(fields) - 1; {
	case more == 1:
		message += fmt.Sprintf(" (%s failed, too: see status.entries)", fields[1])
	case more > 1:
		message += fmt.Sprintf(" (and %d more entries failed: see status.entries)", more)
	}
	return outcome{reason: reasonOf(first.Err), message: shorten(message), entries: entries}
}

// textOf is the message of a failure, in the terms of the object's kind.
func textOf(p *plan.Plan, f fetch.Failure) string {
	if failure, ok := errors.AsType[*backend.Error](f.Err); ok {
		return failure.Text(func(text string) string { return p.Say(f.Source.Store, text) })
	}
	return f.Err.Error()
}

// tooLarge is for sources that have more bytes together than one object may have in memory.
func tooLarge(p *plan.Plan) outcome {
	return outcome{reason: plan.ReasonInvalidValue, retry: true, longBackoff: true, message: fmt.Sprintf(
		"%s: what the entries read has more than %d bytes together: split the object, or read smaller secrets",
		p.Words.Spec, fetch.MaxObjectBytes)}
}

func unrendered(errs []*render.Error, entries []plan.EntryRecord) outcome {
	o := outcome{reason: plan.ReasonInvalidValue, entries: entries}
	var texts []string
	for _, err := range errs {
		texts = append(texts, err.Error())
		o.retry = o.retry || err.Late
		if err.Template != "" {
			o.reason, o.templates = plan.ReasonTemplateFailed, append(o.templates, err.Template)
		}
	}
	if slices.Contains(o.templates, template.Limit) { // a machine that is busy may be to blame
		o.retry, o.longBackoff = true, true
	}
	o.message = shorten(strings.Join(texts, "; "))
	return o
}

// unopened is for an object with sealed values that cannot be opened: a key that opens them may come at any time.
func unopened(errs []*render.Error, entries []plan.EntryRecord) outcome {
	texts, failed := make([]string, 0, len(errs)), map[string]bool{}
	for _, err := range errs {
		texts = append(texts, err.Error())
		failed[err.Field] = true
	}
	for i := range entries {
		if failed[entries[i].Field] {
			entries[i].Error = plan.ReasonCannotOpen
		}
	}
	return outcome{reason: plan.ReasonCannotOpen, message: shorten(strings.Join(texts, "; ")), entries: entries, retry: true}
}

func unwritten(err error, entries []plan.EntryRecord) outcome {
	if notOwned, ok := errors.AsType[*apply.NotOwnedError](err); ok {
		return outcome{reason: plan.ReasonSecretNotOwned, message: notOwned.Problem, entries: entries, retry: true}
	}
	failed := outcome{reason: plan.ReasonSecretWriteFailed, message: shorten(writeProblem(err)), entries: entries, retry: true}
	_, failed.unreadable = errors.AsType[*apply.UnreadableError](err)
	return failed
}

// writeProblem words the API server's refusal without repeating what it was sent: for an invalid
// Secret the server quotes values.
func writeProblem(err error) string {
	message, _, admission := strings.Cut(err.Error(), " denied the request")
	if !admission { // as a ValidatingAdmissionPolicy says it
		message, _, admission = strings.Cut(err.Error(), " denied request")
	}
	if admission {
		return "the Secret cannot be written: " + message + " denied it (for what reason is not shown, since it may quote a value)"
	}
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) || !apierrors.IsInvalid(err) {
		return "the Secret cannot be written: " + err.Error()
	}
	message = "the API server refuses the Secret as invalid"
	if details := status.Status().Details; details != nil {
		for _, cause := range details.Causes {
			message += fmt.Sprintf("; %s (%s)", cause.Field, cause.Type)
		}
	}
	return message + ": check the type that the object gives it, and the names of the entries"
}

// ready is the status of condition Ready. Suspension leaves it as it was, since the Secret does not change.
func (o outcome) ready(before metav1.ConditionStatus) metav1.ConditionStatus {
	switch {
	case o.reason == plan.ReasonSuspended:
		return cmp.Or(before, metav1.ConditionUnknown)
	case o.ok():
		return metav1.ConditionTrue
	}
	return metav1.ConditionFalse
}

func shorten(message string) string { return text.Cut(message, maxMessage) }
