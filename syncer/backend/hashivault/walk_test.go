package hashivault_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// tree is a Vault with a KV engine of version 1 at kv, and ones of version 2 at secret and team/kv. A secret's value is its name. It keeps
// what it was asked.
type tree struct {
	secrets []string                     // logical paths of all that is there, as in secret/a/b and kv/a/b
	listed  map[string][]string          // what a listing of a path answers instead
	tags    map[string]map[string]string // the custom metadata of secrets
	gone    map[string]string            // what a read answers with 404
	denied  string                       // what may not be read

	mu            sync.Mutex
	asked         []string
	now, together int // requests at the same time, and the most of them
}

func (v *tree) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/login") {
		_, _ = w.Write([]byte(`{"auth":{"client_token":"token-of-the-syncer","lease_duration":3600,"renewable":true}}`))
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	list := r.URL.Query().Get("list") == "true"
	v.begin(path, list)
	defer v.end()
	linger()
	kind, plain := v.engine(path)
	switch {
	case list:
		v.list(w, path, plain)
	case path == v.denied:
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"errors":["permission denied"]}`))
	case v.gone[plain] != "":
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(v.gone[plain]))
	case kind == "metadata":
		answer(w, map[string]any{"custom_metadata": v.tags[plain]})
	case kind == "data":
		answer(w, map[string]any{"data": map[string]string{"at": plain}, "metadata": map[string]any{"version": 3}})
	default:
		answer(w, map[string]string{"at": plain})
	}
}

func (v *tree) begin(path string, list bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if list {
		path = "list " + path
	}
	v.asked = append(v.asked, path)
	v.now++
	v.together = max(v.together, v.now)
}

// linger lets those come that come at the same time.
func linger() {
	for range 1000 {
		runtime.Gosched()
	}
}

func (v *tree) end() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.now--
}

// engine is what a path asks of which secret.
func (v *tree) engine(path string) (kind, plain string) {
	for _, mount := range []string{"secret", "team/kv"} {
		for _, kind := range []string{"data", "metadata"} {
			if rest, ok := strings.CutPrefix(path+"/", mount+"/"+kind+"/"); ok {
				return kind, strings.TrimSuffix(mount+"/"+rest, "/")
			}
		}
	}
	return "", path
}

func (v *tree) list(w http.ResponseWriter, path, plain string) {
	keys, ok := v.listed[path]
	if !ok {
		found := map[string]bool{}
		for _, secret := range v.secrets {
			if rest, below := strings.CutPrefix(secret, plain+"/"); below {
				first, _, folder := strings.Cut(rest, "/")
				found[first+map[bool]string{true: "/"}[folder]] = true
			}
		}
		keys = slices.Sorted(maps.Keys(found))
	}
	if len(keys) == 0 {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[]}`))
		return
	}
	answer(w, map[string]any{"keys": keys})
}

func answer(w http.ResponseWriter, data any) {
	_ = json.NewEncoder(w).Encode(map[string]any{"data": data})
}

// walks reads below a path, and says which names were found, or why none was.
func (v *tree) walks(t *testing.T, read plan.Read) string {
	t.Helper()
	d := mustNew(t, hashivault.Config{Address: serve(t, v).URL, JWTPath: file(t, "token", "jwt")})
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}
	read.Path = true
	values, err := client.Get(t.Context(), plan.Source{Store: plan.Store{Backend: backends.Vault, Mount: "k8s", Role: "r"}, Read: read})
	if failed, ok := errors.AsType[*backend.Error](err); ok {
		return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
	}
	var names []string
	for _, value := range values {
		_, plain := v.engine(value.Name)
		if want := fmt.Sprintf(`{"at":%q}`, plain); string(value.Data) != want || (value.Version == "3") != (read.EngineVersion == 2) {
			t.Errorf("%s is %s of version %q, want %s", value.Name, value.Data, value.Version, want)
		}
		names = append(names, value.Name)
	}
	return strings.Join(names, " ")
}

func TestWalksFindWhatIsBelowAPath(t *testing.T) {
	const shop, deleted = "secret/data/shop", `{"data":{"data":null,"metadata":{"version":3,"deletion_time":"2026-01-01T00:00:00Z"}}}`
	for name, test := range map[string]struct {
		read plan.Read
		want string
	}{
		"a folder":                              {plan.Read{Key: shop, Recursive: true, EngineVersion: 2}, shop + "/db " + shop + "/x " + shop + "/x/y " + shop + "/x/z/w"},
		"a folder, not what is deeper":          {plan.Read{Key: shop, EngineVersion: 2}, shop + "/db " + shop + "/x"},
		"a whole mount":                         {plan.Read{Key: "secret/data", EngineVersion: 2}, "secret/data/top"},
		"a folder that is called data":          {plan.Read{Key: "secret/data/data", EngineVersion: 2}, "secret/data/data/a"},
		"a folder of version 1":                 {plan.Read{Key: "kv/shop", Recursive: true, EngineVersion: 1}, "kv/shop/a kv/shop/b/c"},
		"a whole mount of version 1":            {plan.Read{Key: "kv", EngineVersion: 1}, "kv/top"},
		"a folder of a mount with a slash":      {plan.Read{Key: "team/kv/data/a", EngineMount: "team/kv", EngineVersion: 2}, "team/kv/data/a/b"},
		"a whole mount with a slash":            {plan.Read{Key: "team/kv/data", EngineMount: "team/kv", Recursive: true, EngineVersion: 2}, "team/kv/data/a/b"},
		"what has a tag":                        {plan.Read{Key: shop, Recursive: true, Tags: "team=a", EngineVersion: 2}, shop + "/db " + shop + "/x/y"},
		"what has several tags":                 {plan.Read{Key: shop, Recursive: true, Tags: plan.ListOf("team=a", "tier=1"), EngineVersion: 2}, shop + "/db"},
		"what has a tag with signs":             {plan.Read{Key: shop, Recursive: true, Tags: "url=a=b", EngineVersion: 2}, shop + "/x"},
		"what has a tag that no secret has":     {plan.Read{Key: shop, Recursive: true, Tags: "team=b", EngineVersion: 2}, "not_found: no secret is below " + shop + " and has the tags; "},
		"what has a tag without a value":        {plan.Read{Key: shop, Recursive: true, Tags: "team=", EngineVersion: 2}, "not_found: no secret is below " + shop + " and has the tags; "},
		"a folder that is not there":            {plan.Read{Key: "secret/data/none", EngineVersion: 2}, "not_found: no secret is below "},
		"a secret":                              {plan.Read{Key: shop + "/db", EngineVersion: 2}, "not_found: no secret is below "},
		"a folder whose secrets are deleted":    {plan.Read{Key: "secret/data/old", EngineVersion: 2}, "not_found: no secret is below secret/data/old; check the path: "},
		"a path without data":                   {plan.Read{Key: "secret/shop", EngineVersion: 2}, "invalid: the path is not one of the engine's mount; with {engine 2} write <mount>/data/<folder>, "},
		"a path beside the mount":               {plan.Read{Key: "secret/data/a", EngineMount: "team/kv", EngineVersion: 2}, "invalid: the path is not one of the engine's mount; "},
		"a path whose mount is only its prefix": {plan.Read{Key: "kvx/a", EngineMount: "kv", EngineVersion: 1}, "invalid: the path is not one of the engine's mount; "},
		"tags of version 1":                     {plan.Read{Key: "kv/shop", Tags: "team=a", EngineVersion: 1}, "invalid: a KV engine of version 1 has no custom metadata to find secrets by; "},
	} {
		t.Run(name, func(t *testing.T) {
			v := &tree{
				secrets: []string{
					"secret/shop/db", "secret/shop/x", "secret/shop/x/y", "secret/shop/x/z/w", "secret/shopping/a", "secret/top", "secret/data/a", "secret/old/a",
					"kv/shop/a", "kv/shop/b/c", "kv/top", "team/kv/a/b",
				},
				tags: map[string]map[string]string{
					"secret/shop/db": {"team": "a", "tier": "1"}, "secret/shop/x/y": {"team": "a"}, "secret/shop/x": {"team": "ab", "url": "a=b"},
				},
				gone: map[string]string{"secret/old/a": deleted},
			}
			if got := v.walks(t, test.read); got != test.want && !strings.Contains(test.want, ": ") || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// Of what has not the tags, nothing but the metadata is read; beside the folder nothing at all is.
func TestAWalkReadsNoMoreThanItIsToFind(t *testing.T) {
	v := &tree{
		secrets: []string{"secret/a/x", "secret/a/y", "secret/b/x", "secret/a-b/x"},
		tags:    map[string]map[string]string{"secret/a/x": {"k": "v"}},
	}
	if got, want := v.walks(t, plan.Read{Key: "secret/data/a", Recursive: true, Tags: "k=v", EngineVersion: 2}), "secret/data/a/x"; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	slices.Sort(v.asked)
	want := []string{"list secret/metadata/a", "secret/data/a/x", "secret/metadata/a/x", "secret/metadata/a/y"}
	if diff := cmp.Diff(want, v.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// A name is another tenant's to choose, or a proxy's. No other path than one in the folder is asked for.
func TestNamesThatLeadOutOfTheFolder(t *testing.T) {
	for _, key := range []string{"..", "../", "../b", ".", "./", "", "/", "//", "b/c", "b/../../c", "%2e%2e", "x?list=true", "x#y", `..\b`, "x\ny", "x\u202ey"} {
		t.Run(fmt.Sprintf("%q", key), func(t *testing.T) {
			v := &tree{secrets: []string{"secret/b/x"}, listed: map[string][]string{"secret/metadata/a": {"fine", key}}}
			got := v.walks(t, plan.Read{Key: "secret/data/a", Recursive: true, EngineVersion: 2})
			if !strings.HasPrefix(got, "invalid: below the path is the name ") || !strings.Contains(got, ", which must not ") ||
				!strings.HasSuffix(got, "; give it another name in Vault, or name a path without it") {
				t.Errorf("got %s, want the name refused", got)
			}
			if diff := cmp.Diff([]string{"list secret/metadata/a"}, v.asked); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWalksAreBounded(t *testing.T) {
	many := func(n int) []string {
		secrets := make([]string, n)
		for i := range secrets {
			secrets[i] = fmt.Sprintf("secret/a/%04d", i)
		}
		return secrets
	}
	deep := func(folders int) []string { return []string{"secret/a" + strings.Repeat("/f", folders-1) + "/x"} }
	// Each folder holds the same, and one more folder.
	endless := func(keys ...string) map[string][]string {
		listed := map[string][]string{}
		for path := "secret/metadata/a"; len(listed) < 40; path += "/f" {
			listed[path] = append(keys, "f/")
		}
		return listed
	}
	for name, test := range map[string]struct {
		secrets []string
		listed  map[string][]string
		want    string
		asked   int // at most
	}{
		"as many names as may be":        {many(1000), nil, "secret/data/a/0000 ", 1001},
		"more":                           {many(1001), nil, "invalid: more than 1,000 names are below the path; name a path with fewer of them below it", 1},
		"folders as deep as they may be": {deep(32), nil, "secret/data/a/f/", 33},
		"deeper ones":                    {deep(33), nil, "invalid: folders below the path are more than 32 deep; name a path that is further down", 32},
		"folders that do not end":        {nil, endless(), "invalid: folders below the path are more than 32 deep; ", 32},
		"more and more names":            {nil, endless(slices.Repeat([]string{"x"}, 99)...), "invalid: more than 1,000 names are below the path; ", 11},
	} {
		t.Run(name, func(t *testing.T) {
			v := &tree{secrets: test.secrets, listed: test.listed}
			if got := v.walks(t, plan.Read{Key: "secret/data/a", Recursive: true, EngineVersion: 2}); !strings.HasPrefix(got, test.want) {
				t.Errorf("got %.200s, want %s", got, test.want)
			}
			if len(v.asked) > test.asked || v.together > 16 {
				t.Errorf("%d requests, %d at once, want %d and 16 at most", len(v.asked), v.together, test.asked)
			}
		})
	}
}

func TestWhatAWalkMayNotRead(t *testing.T) {
	secrets := []string{"secret/a/x", "secret/a/y", "kv/a/x"}
	const refused = `: permission denied; give role "r" at mount "k8s" a policy with the `
	for name, test := range map[string]struct {
		read   plan.Read
		denied string
		want   string
	}{
		"one secret of the folder": {plan.Read{Key: "secret/data/a", EngineVersion: 2}, "secret/data/a/y",
			"denied: a/y" + refused + "capability list on secret/metadata/a/*, and read on secret/data/a/*"},
		"metadata": {plan.Read{Key: "secret/data/a", EngineVersion: 2, Tags: "a=b"}, "secret/metadata/a/x",
			"denied: a/x" + refused + "capabilities list and read on secret/metadata/a/*, and read on secret/data/a/*"},
		"a secret of version 1": {plan.Read{Key: "kv/a", EngineVersion: 1}, "kv/a/x",
			"denied: a/x" + refused + "capabilities list and read on kv/a/*"},
	} {
		t.Run(name, func(t *testing.T) {
			v := &tree{secrets: secrets, denied: test.denied}
			if got := v.walks(t, test.read); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAnswersThatAreNoListing(t *testing.T) {
	for name, body := range map[string]string{
		"a page": "<html>", "no keys": `{"data":{}}`, "a secret": `{"data":{"keys":"planted"}}`, "numbers": `{"data":{"keys":[1]}}`, "nothing": "",
	} {
		t.Run(name, func(t *testing.T) {
			w := &wire{fail: answers(http.StatusOK, map[string]string{"/v1/kv/a": body})}
			d := mustNew(t, hashivault.Config{Address: serve(t, w).URL, JWTPath: file(t, "token", "jwt")})
			_, err := d.Walk(t.Context(), plan.Store{Mount: "k8s", Role: "r"}, plan.Read{Key: "kv/a", Path: true, EngineVersion: 1})
			if err == nil || d.Classify(err) != driver.Unavailable || strings.Contains(err.Error(), "planted") {
				t.Errorf("got %v, want that it is no answer of Vault's", err)
			}
		})
	}
}

// A listing may hold the token, too, where a path is one of Vault's own in a namespace.
func TestAListingOfTheTokenIsKeptBack(t *testing.T) {
	v := &tree{listed: map[string][]string{"kv/a": {"token-of-the-syncer"}}}
	if got := v.walks(t, plan.Read{Key: "kv/a", EngineVersion: 1}); !strings.HasPrefix(got, "invalid: the path is one of Vault's own") || strings.Contains(got, "token-of") {
		t.Errorf("got %s, want it kept back", got)
	}
}
