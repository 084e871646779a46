package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/tests/lab/clouds/aws/ssm"
)

func putParameters(t *testing.T, parameters ...ssm.Parameter) {
	t.Helper()
	if err := theLab.Clouds.AWS().PutParameters(theLab.AWSRegion, parameters...); err != nil {
		t.Fatal(err)
	}
}

// Versions by number and label, all types, properties, base64, JSON objects whole, and paths with and without what is deeper.
func TestValuesOfParameterStore(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, nil)
	first, second, third, text, encoded, user := secretValue(), secretValue(), secretValue(), secretValue(), secretValue(), secretValue()
	name := func(s string) string { return "/" + namespace + "/" + s }
	putParameters(t,
		ssm.Parameter{Name: name("db"), Value: first},
		ssm.Parameter{Name: name("db"), Value: second, Labels: []string{"stable"}},
		ssm.Parameter{Name: name("db"), Value: third},
		ssm.Parameter{Name: name("text"), Value: text, Type: "String"},
		ssm.Parameter{Name: name("list"), Value: text + "," + text, Type: "StringList"},
		ssm.Parameter{Name: name("base64"), Value: base64.StdEncoding.EncodeToString([]byte("\x00\xff" + encoded))},
		ssm.Parameter{Name: name("json"), Value: fmt.Sprintf(`{"user":%q,"pin":12345678901234567890}`, user)},
		ssm.Parameter{Name: name("tree/near"), Value: first},
		ssm.Parameter{Name: name("tree/deep/far"), Value: second},
	)
	kubectl.MustApply(t, namespace, object("values", in(namespace, `
  backendType: systemManager
  dataFrom: [/NS/json]
  data:
    - {key: /NS/db, name: current}
    - {key: "/NS/db:1", name: first}
    - {key: "/NS/db:stable", name: labelled}
    - {key: /NS/text, name: text}
    - {key: /NS/list, name: list}
    - {key: /NS/base64, name: bytes, isBinary: true}
    - {key: /NS/json, name: property, property: user}
    - path: /NS/tree`)))
	kubectl.MustApply(t, namespace, object("recursive", in(namespace, "{backendType: systemManager, data: [{path: /NS/tree, recursive: true}]}")))
	awaitData(t, namespace, "values", map[string]string{
		"user": user, "pin": "12345678901234567890", "current": third, "first": first, "labelled": second, "text": text, "list": text + "," + text,
		"bytes": "\x00\xff" + encoded, "property": user, "near": first,
	})
	awaitData(t, namespace, "recursive", map[string]string{"near": first, "far": second})
	rotated, added := secretValue(), secretValue()
	putParameters(t, ssm.Parameter{Name: name("tree/near"), Value: rotated}, ssm.Parameter{Name: name("tree/deep/er/added"), Value: added})
	awaitData(t, namespace, "recursive", map[string]string{"near": rotated, "far": second, "added": added})
}

// A walk of more than one page (ten parameters), and two parameters that would become one entry: KES lets the last one win.
func TestWalksOfParameterStore(t *testing.T) {
	t.Parallel()
	namespace, want := newNamespace(t, nil), map[string]string{}
	var parameters []ssm.Parameter
	for i := range 25 {
		want[fmt.Sprint("p", i)] = secretValue()
		parameters = append(parameters, ssm.Parameter{Name: fmt.Sprintf("/%s/p%d", namespace, i), Value: want[fmt.Sprint("p", i)]})
	}
	putParameters(t, parameters...)
	kubectl.MustApply(t, namespace, object("walk", in(namespace, "{backendType: systemManager, data: [{path: /NS, recursive: true}]}")))
	before := awaitData(t, namespace, "walk", want)
	putParameters(t, ssm.Parameter{Name: in(namespace, "/NS/deeper/p7"), Value: secretValue()})
	es := awaitReason(t, namespace, "walk", plan.ReasonInvalidValue)
	says(t, es, in(namespace, "/NS/p7"))
	says(t, es, in(namespace, "/NS/deeper/p7"))
	untouched(t, before)
	theLab.Clouds.AWS().DeleteParameters(theLab.AWSRegion, in(namespace, "/NS/deeper/p7"))
	awaitReason(t, namespace, "walk", plan.ReasonSynced)
	untouched(t, before)
}

// A path below which nothing is, or nothing any more, is an error: a Secret is never emptied.
func TestWalksThatFindNothing(t *testing.T) {
	t.Parallel()
	namespace, value := newNamespace(t, nil), secretValue()
	name := in(namespace, "/NS/app/db")
	putParameters(t, ssm.Parameter{Name: name, Value: value})
	kubectl.MustApply(t, namespace, object("walk", in(namespace, "{backendType: systemManager, data: [{path: /NS/app}]}")))
	kubectl.MustApply(t, namespace, object("flat", in(namespace, "{backendType: systemManager, data: [{path: /NS}]}")))
	kubectl.MustApply(t, namespace, object("itself", in(namespace, "{backendType: systemManager, data: [{path: /NS/app/db, recursive: true}]}")))
	before := awaitData(t, namespace, "walk", map[string]string{"db": value})
	says(t, awaitReason(t, namespace, "flat", plan.ReasonSecretNotFound), in(namespace, "no parameter is below /NS; check the path, or set recursive: true"))
	says(t, awaitReason(t, namespace, "itself", plan.ReasonSecretNotFound), "a parameter itself is read by its key")
	theLab.Clouds.AWS().DeleteParameters(theLab.AWSRegion, name)
	says(t, awaitReason(t, namespace, "walk", plan.ReasonSecretNotFound), in(namespace, "no parameter is below /NS/app; "))
	untouched(t, before)
}

// The names that a walk returns are judged each: what the path alone tells is not enough.
func TestNamesFoundByAWalkAreJudged(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "/app-.*/(api|web)(/.*)?\n/app-[^/]*"})
	elsewhere, path := newNamespace(t, nil), "/app-"+namespace
	api, web, admin := secretValue(), secretValue(), secretValue()
	put := func(name, value string) { putParameters(t, ssm.Parameter{Name: path + "/" + name, Value: value}) }
	put("api", api)
	put("web/session", web)
	spec := "{backendType: systemManager, data: [{path: " + path + ", recursive: true}]}"
	kubectl.MustApply(t, namespace, object("walk", spec))
	kubectl.MustApply(t, elsewhere, object("walk", spec))
	permitted, all := map[string]string{"api": api, "session": web}, map[string]string{"api": api, "session": web, "admin": admin}
	before := awaitData(t, namespace, "walk", permitted)
	awaitReason(t, namespace, "walk", plan.ReasonSynced)

	put("admin", admin)
	denied := "not allowed to fetch secret: " + namespace + "/walk: key name " + path + "/admin does not match naming convention"
	says(t, awaitReason(t, namespace, "walk", plan.ReasonPolicyDenied), denied)
	awaitData(t, elsewhere, "walk", all) // of the same read, which another namespace permits
	api = secretValue()
	put("api", api)
	permitted["api"], all["api"] = api, api
	awaitData(t, elsewhere, "walk", all)
	awaitAttempts(t, theLab.Syncer.MetricsAddress, elsewhere, "walk", "success", 2)
	untouched(t, before)

	annotate(t, namespace, names.AnnotationPermittedKeyName+"=/app-.*")
	kubectl.MustApply(t, namespace, object("still", strings.Replace(spec, "{", "{refreshInterval: '0', ", 1)))
	for _, name := range []string{"walk", "still"} {
		awaitData(t, namespace, name, all)
		awaitReason(t, namespace, name, plan.ReasonSynced)
	}
	annotate(t, namespace, names.AnnotationPermittedKeyName+"=/app-[^/]*(/(api|web/.*))?")
	says(t, awaitReason(t, namespace, "walk", plan.ReasonPolicyDenied), denied)
	says(t, awaitReason(t, namespace, "still", plan.ReasonPolicyDenied), path+"/admin") // without a refresh of its own
	awaitData(t, namespace, "walk", all)

	// Not the annotation but the backend changes: the walk finds nothing forbidden any more.
	theLab.Clouds.AWS().DeleteParameters(theLab.AWSRegion, path+"/admin")
	awaitData(t, namespace, "walk", permitted)
	awaitReason(t, namespace, "walk", plan.ReasonSynced)
}

// The path itself is judged by the webhook already, and so is a key beside it.
func TestPathsAreJudgedAtOnce(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t, map[string]string{names.AnnotationPermittedKeyName: "/app/.*"})
	_, err := kubectl.Apply(t.Context(), namespace, object("walk", "{backendType: systemManager, data: [{path: /prod, recursive: true}, {key: /prod/db, name: db}, {path: /app/x}]}"))
	if err == nil {
		t.Fatal("the object was accepted")
	}
	for _, want := range []string{`spec.data[0].path: Forbidden: "/prod"`, `spec.data[1].key: Forbidden: "/prod/db"`, "2 violations"} {
		contains(t, err.Error(), want)
	}
}
