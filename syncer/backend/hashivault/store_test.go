package hashivault_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	backends "github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/syncer/backend"
	"github.com/secretgate/secretgate/syncer/backend/credential"
	"github.com/secretgate/secretgate/syncer/backend/driver"
	"github.com/secretgate/secretgate/syncer/backend/hashivault"
)

// strict is a Vault that verifies what the real one would: who logs in, where, by what, and that a token is one of its own, of the
// namespace that it is used in or of one above that. Its values say as whom they were read.
type strict struct {
	mu     sync.Mutex
	admits map[string]string // "namespace mount role" to what proves it
	given  map[string]string // tokens to the "namespace mount role" that got them
	logins []string          // who logged in, in order
	calls  int
}

func (v *strict) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls++
	namespace := r.Header.Get("X-Vault-Namespace")
	if mount, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/v1/auth/"), "/login"); ok {
		v.login(w, r, namespace, mount)
		return
	}
	who, ok := v.given[r.Header.Get("X-Vault-Token")]
	if r.Header.Get("X-Vault-Token") == "kept-token" {
		who, ok = namespace+" by a token", true
	}
	if r.URL.Path == lookupPath && ok {
		_, _ = io.WriteString(w, `{"data":{"ttl":0}}`)
		return
	}
	if at, _, _ := strings.Cut(who, " "); !ok || at != "" && namespace != at && !strings.HasPrefix(namespace, at+"/") {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"errors":["permission denied","invalid token"]}`)
		return
	}
	_, _ = fmt.Fprintf(w, `{"data":{"as":%q}}`, who)
}

func (v *strict) login(w http.ResponseWriter, r *http.Request, namespace, mount string) {
	text, _ := io.ReadAll(r.Body)
	var body struct {
		Role, JWT string
		RoleID    string `json:"role_id"`
		SecretID  string `json:"secret_id"`
	}
	_ = json.Unmarshal(text, &body)
	who := strings.Join([]string{namespace, mount, body.Role + body.RoleID}, " ")
	if proof := body.JWT + body.SecretID; proof == "" || v.admits[who] != proof {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"errors":["invalid login %s"]}`, proof) // the real one does not quote it, but a proxy may
		return
	}
	token := fmt.Sprintf("token%d", v.calls)
	if v.given == nil {
		v.given = map[string]string{}
	}
	v.given[token] = who
	v.logins = append(v.logins, who)
	_, _ = fmt.Fprintf(w, `{"auth":{"client_token":%q,"lease_duration":3600,"renewable":true}}`, token)
}

// admit has a login admitted by a proof, in place of the one before, and takes back what was given out.
func (v *strict) admit(who, proof string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.admits[who], v.given = proof, nil
}

func (v *strict) seen() (logins []string, calls int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.logins, v.calls
}

// held are the credentials of a cluster: those of Secrets by namespace/name/key, tokens by namespace/name/audience.
type held map[string]string

func (h held) get(_ context.Context, c plan.Credential) (string, error) {
	value, ok := h[string(c.Kind)+" "+c.Namespace+"/"+c.Name+"/"+c.Key+string(c.Audiences)]
	if !ok {
		return "", &driver.Error{Kind: driver.Unauthenticated, Problem: "Secret team-a/none does not exist", Hint: "create it"}
	}
	return value, nil
}

// untouched is a source that is not to be asked.
func untouched(t *testing.T) credential.Source {
	return func(context.Context, plan.Credential) (string, error) {
		t.Error("a credential is read")
		return "", nil
	}
}

// readAs reads a Store, and says as whom that was, or why it failed.
func readAs(t *testing.T, config hashivault.Config) func(plan.Store) string {
	t.Helper()
	if config.JWTPath == "" {
		config.JWTPath = file(t, "token", "syncers-jwt")
	}
	d, err := hashivault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}
	return func(s plan.Store) string {
		s.Backend = backends.Vault
		values, err := client.Get(t.Context(), plan.Source{Store: s, Read: plan.Read{Key: "kv/a", EngineVersion: 1}})
		if failed, ok := errors.AsType[*backend.Error](err); ok {
			return failed.Kind.String() + ": " + failed.Message + "; " + failed.Remedy()
		}
		var said struct{ As string }
		if err := json.Unmarshal(values[0].Data, &said); err != nil {
			t.Fatal(err)
		}
		return "as " + said.As
	}
}

var (
	secretID = plan.Credential{Kind: plan.SecretCredential, Namespace: "team-a", Name: "login", Key: "id"}
	roleID   = plan.Credential{Kind: plan.SecretCredential, Namespace: "team-a", Name: "role", Key: "id"}
	aToken   = plan.Credential{Kind: plan.SecretCredential, Namespace: "team-a", Name: "token", Key: "t"}
	account  = plan.Credential{Kind: plan.AccountCredential, Namespace: "team-a", Name: "reader"}
)

func TestStoresLogInAsTheySay(t *testing.T) {
	credentials := held{
		"Secret team-a/login/id": "secret-id", "Secret team-a/role/id": "role-id", "Secret team-a/token/t": "kept-token", "ServiceAccount team-a/reader/": "readers-jwt",
	}.get
	v := &strict{}
	home := serve(t, v).URL
	for name, test := range map[string]struct {
		store plan.Store
		want  string // namespace, mount and role, as Vault sees them
	}{
		"as the installation, by the syncer's token":   {plan.Store{Mount: "k8s", Role: "syncer"}, "home k8s syncer"},
		"as the installation, in another namespace":    {plan.Store{Namespace: "other", Mount: "k8s", Role: "syncer"}, "other k8s syncer"},
		"by the syncer's token, in so many words":      {plan.Store{Method: backends.VaultKubernetes, Mount: "k8s", Role: "syncer"}, "home k8s syncer"},
		"by the syncer's AppRole":                      {plan.Store{}, "home approle syncers-role"},
		"by the syncer's AppRole, beside a default":    {plan.Store{Mount: "k8s"}, "home approle syncers-role"},
		"by the syncer's AppRole, at a mount":          {plan.Store{Method: backends.VaultAppRole, Mount: "roles"}, "home roles syncers-role"},
		"by an AppRole whose secret id is in a Secret": {plan.Store{Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID}, "home approle role-id"},
		"as the installation, at its own server":       {plan.Store{Address: home, Mount: "k8s", Role: "syncer"}, "home k8s syncer"},
		"by an AppRole whose role id is in a Secret, too": {plan.Store{Method: backends.VaultAppRole, Mount: "approle", Credential: secretID,
			Login: plan.Login{Identifier: roleID}}, "home approle role-id"},
		"by a token of Vault's in a Secret":           {plan.Store{Method: backends.VaultToken, Credential: aToken}, "home by a token"},
		"by a token of Vault's, in another namespace": {plan.Store{Method: backends.VaultToken, Namespace: "other", Credential: aToken}, "other by a token"},
		"by a ServiceAccount's token":                 {plan.Store{Method: backends.VaultKubernetes, Mount: "k8s", Role: "reader", Credential: account}, "home k8s reader"},
		"by a ServiceAccount's token, at the root": {plan.Store{Method: backends.VaultKubernetes, Mount: "k8s", Role: "reader", Credential: account,
			Login: plan.Login{Root: true}}, " k8s reader"},
		"by a ServiceAccount's token, without a method":  {plan.Store{Mount: "k8s", Role: "reader", Credential: account}, "home k8s reader"},
		"by a ServiceAccount's token that Vault reads":   {plan.Store{Method: backends.VaultJWT, Mount: "jwt", Role: "reader", Credential: account}, "home jwt reader"},
		"by a token in a Secret":                         {plan.Store{Method: backends.VaultJWT, Mount: "jwt", Role: "kept", Credential: secretID}, "home jwt kept"},
		"by an AppRole that was installed":               {plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "sm"}}, "home sm-roles sms-role"},
		"by the syncer's token, with installed settings": {plan.Store{Mount: "k8s", Role: "syncer", Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "sm"}}, "home k8s syncer"},
	} {
		t.Run(name, func(t *testing.T) {
			proofs := map[string]string{
				"home k8s syncer": "syncers-jwt", "other k8s syncer": "syncers-jwt", "home k8s reader": "readers-jwt", "home jwt reader": "readers-jwt",
				"home approle syncers-role": "syncers-secret", "home roles syncers-role": "syncers-secret", "home approle role-id": "secret-id",
				" k8s reader": "readers-jwt", "home jwt kept": "secret-id", "home sm-roles sms-role": "sms-secret",
			}
			v.mu.Lock()
			v.admits, v.given = proofs, nil
			v.mu.Unlock()
			read := readAs(t, hashivault.Config{
				Address: strings.ToUpper(home[:4]) + home[4:] + "/", Namespace: "home", RoleID: "syncers-role", SecretID: "syncers-secret", Credentials: credentials,
				Installed: map[string]hashivault.Installed{"sm": {RoleID: "sms-role", SecretID: "sms-secret", AppRoleMount: "sm-roles"}},
			})
			if got, want := read(test.store), "as "+test.want; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// A Store's own server is another one: the installation's namespace is not one of it.
func TestAStoreReadsAServerOfItsOwn(t *testing.T) {
	const who, ofTeam = " approle role-id", "team approle role-id"
	home, other := &strict{}, &strict{admits: map[string]string{who: "secret-id", ofTeam: "secret-id"}}
	server, installation := serve(t, other).URL, serve(t, home).URL
	read := readAs(t, hashivault.Config{
		Address: installation + "/", Namespace: "home", Servers: []string{server}, Credentials: held{"Secret team-a/login/id": "secret-id"}.get,
	})
	store := plan.Store{Address: server, Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID}
	inTeam := store
	inTeam.Namespace = "team"
	if got, want := []string{read(store), read(inTeam)}, []string{"as " + who, "as " + ofTeam}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, calls := home.seen(); calls > 0 {
		t.Errorf("the installation's server was called %d times, want never", calls)
	}
	// The installation's own need not be on the list.
	store.Address = installation
	home.admits = map[string]string{who: "secret-id"}
	if got, want := read(store), "as "+who; got != want {
		t.Errorf("at the installation's own server: got %s, want %s", got, want)
	}
}

func TestWhatIsRefusedIsRefusedBeforeAnythingIsSent(t *testing.T) {
	v, elsewhere := &strict{}, &strict{}
	home, listed, unlisted := serve(t, v).URL, serve(t, v).URL, serve(t, elsewhere).URL
	appRole := plan.Store{Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID}
	with := func(change func(*plan.Store)) plan.Store {
		s := appRole
		change(&s)
		return s
	}
	installed := plan.Credential{Kind: plan.InstalledCredential, Name: "sm"}
	const own = "denied: the store names a server, a server name or a CA of its own, which the syncer's own credentials may not be sent to; "
	for name, test := range map[string]struct {
		store plan.Store
		want  string // how the error begins
	}{
		"a server that is not listed": {with(func(s *plan.Store) { s.Address = unlisted }),
			"denied: " + unlisted + " is not among the servers of Vault that this installation permits; name a permitted one, or have it added to --vault-servers"},
		"a listed one of another spelling": {with(func(s *plan.Store) { s.Address = listed + "/" }), "denied: " + listed + "/ is not among"},
		"a listed one with a password":     {with(func(s *plan.Store) { s.Address = strings.Replace(listed, "//", "//u:planted@", 1) }), "denied: "},
		"the syncer's token, elsewhere":    {plan.Store{Address: listed, Mount: "k8s", Role: "r"}, own},
		"the syncer's AppRole, elsewhere":  {plan.Store{Address: listed}, own},
		"the syncer's token, by a CA":      {plan.Store{CA: "pem", Mount: "k8s", Role: "r"}, own},
		"an installed AppRole, elsewhere":  {plan.Store{Address: listed, Credential: installed}, own},
		"an installed AppRole, by a CA":    {plan.Store{CA: "pem", Credential: installed}, own},
		"an AppRole that is not installed": {plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "none"}},
			"invalid: the syncer was given no credential of this name for Vault; configure it at the syncer"},
		"a credential of no kind that is known":   {with(func(s *plan.Store) { s.Credential.Kind = "Other" }), "invalid: the store refers to a credential of a kind"},
		"a method that is not known":              {with(func(s *plan.Store) { s.Method = "ldap" }), "invalid: the store logs in by a method that the syncer does not know; "},
		"an AppRole without a role id":            {with(func(s *plan.Store) { s.Role = "" }), "invalid: the store names no role, or no mount"},
		"an AppRole without a mount":              {with(func(s *plan.Store) { s.Mount = "" }), "invalid: the store names no role, or no mount"},
		"a token without a mount":                 {with(func(s *plan.Store) { s.Method, s.Mount = backends.VaultJWT, "" }), "invalid: the store names no role, or no mount"},
		"an AppRole by a ServiceAccount":          {with(func(s *plan.Store) { s.Credential = account }), "invalid: the store names no Secret with the secret id"},
		"the secret id of another's AppRole":      {with(func(s *plan.Store) { s.Credential = plan.Credential{} }), "invalid: the store names no Secret with the secret id"},
		"a credential in place of the AppRole":    {plan.Store{Credential: account}, "invalid: no Vault role is given"},
		"an AppRole with two role ids":            {with(func(s *plan.Store) { s.Login.Identifier = roleID }), "invalid: the store names a role id, and a Secret with another one; remove"},
		"an AppRole whose role id is no Secret":   {with(func(s *plan.Store) { s.Role, s.Login.Identifier = "", account }), "invalid: the store refers to a role id that is not of an AppRole"},
		"the syncer's AppRole by another id":      {plan.Store{Method: backends.VaultAppRole, Login: plan.Login{Identifier: roleID}}, "invalid: the store names no Secret with the secret id"},
		"a role id of another method":             {with(func(s *plan.Store) { s.Method, s.Login.Identifier = backends.VaultJWT, roleID }), "invalid: the store refers to a role id that is not of an AppRole"},
		"a token of no Secret":                    {plan.Store{Method: backends.VaultToken, Credential: account}, "invalid: the store names no Secret with the token to read with"},
		"a token of the syncer's":                 {plan.Store{Method: backends.VaultToken}, "invalid: the store names no Secret with the token to read with"},
		"a token with a role":                     {plan.Store{Method: backends.VaultToken, Credential: aToken, Role: "r"}, "invalid: the store names a role or a mount beside a token"},
		"a token with a mount":                    {plan.Store{Method: backends.VaultToken, Credential: aToken, Mount: "m"}, "invalid: the store names a role or a mount beside a token"},
		"the syncer's token, by a CA elsewhere":   {plan.Store{Mount: "k8s", Role: "r", Login: plan.Login{CAFrom: secretID}}, own},
		"the syncer's token, by another name":     {plan.Store{ServerName: "vault", Mount: "k8s", Role: "r"}, own},
		"an installed AppRole, by another name":   {plan.Store{ServerName: "vault", Credential: installed}, own},
		"a name of a certificate that none has":   {with(func(s *plan.Store) { s.ServerName = "a planted" }), "invalid: the store names a server's certificate by what is no name; "},
		"the syncer's own server of a spelling":   {plan.Store{Address: home + "/", Mount: "k8s", Role: "r"}, own},
		"a CA that a ServiceAccount keeps":        {with(func(s *plan.Store) { s.Login.CAFrom = account }), "invalid: no login: the store keeps its CA in neither a Secret nor a ConfigMap; "},
		"a role that must be an account's":        {with(func(s *plan.Store) { s.Login.RoleFrom = account }), "invalid: the store says of its login what has no meaning for Vault; "},
		"a login at the root and in a namespace":  {with(func(s *plan.Store) { s.Login.Root, s.Login.Namespace = true, "a" }), "invalid: the store says of its login what has no meaning for Vault; "},
		"roles before the role":                   {with(func(s *plan.Store) { s.Login.Chain = "a" }), "invalid: the store says of its login what has no meaning for Vault; "},
		"a header in a namespace":                 {with(func(s *plan.Store) { s.Namespace = "a\r\nX-Vault-Token: planted" }), "invalid: the store names a namespace of Vault that none can have; "},
		"a header in a login's namespace":         {with(func(s *plan.Store) { s.Login.Namespace = "a\nX-Vault-Namespace: planted" }), "invalid: the store names a namespace of Vault that none can have; "},
		"a namespace that leads to another one":   {with(func(s *plan.Store) { s.Namespace = "team-a/../team-b" }), "invalid: the store names a namespace of Vault that none can have; "},
		"a login's namespace of another spelling": {with(func(s *plan.Store) { s.Login.Namespace = "team-a/" }), "invalid: the store names a namespace of Vault that none can have; "},
		"a namespace that is encoded":             {with(func(s *plan.Store) { s.Namespace = "team-a%2fb" }), "invalid: the store names a namespace of Vault that none can have; "},
		"a CA that is none":                       {with(func(s *plan.Store) { s.CA = "planted" }), "invalid: no login: the CA of the store holds no certificate; write PEM certificates there"},
	} {
		t.Run(name, func(t *testing.T) {
			got := readAs(t, hashivault.Config{
				Address: home, Servers: []string{listed}, RoleID: "syncers-role", SecretID: "planted", Credentials: untouched(t),
				Installed: map[string]hashivault.Installed{"sm": {RoleID: "sms-role", SecretID: "planted"}},
			})(test.store)
			if !strings.HasPrefix(got, test.want) || strings.Contains(got, "planted") {
				t.Errorf("got %s, want %s…", got, test.want)
			}
		})
	}
	for where, server := range map[string]*strict{"a listed server": v, "one that is not listed": elsewhere} {
		if _, calls := server.seen(); calls > 0 {
			t.Errorf("%s was called %d times, want never", where, calls)
		}
	}
}

func TestASyncerThatReadsNoCredentialsSaysSo(t *testing.T) {
	v := &strict{}
	got := readAs(t, hashivault.Config{Address: serve(t, v).URL})(plan.Store{Mount: "k8s", Role: "r", Credential: account})
	if _, calls := v.seen(); !strings.HasPrefix(got, "invalid: no login: this syncer reads no credentials of the cluster; ") || calls > 0 {
		t.Errorf("got %s after %d calls, want that it reads no credentials", got, calls)
	}
}

func TestACredentialThatIsMissingIsSaidAndFoundOnceItIsThere(t *testing.T) {
	credentials := held{}
	v := &strict{admits: map[string]string{" approle role-id": "secret-id"}}
	read := readAs(t, hashivault.Config{Address: serve(t, v).URL, Credentials: credentials.get})
	store := plan.Store{Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID}
	if got, want := read(store), "unauthenticated: no login: Secret team-a/none does not exist; create it"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, calls := v.seen(); calls > 0 {
		t.Errorf("Vault was called %d times, want never", calls)
	}
	credentials["Secret team-a/login/id"] = "secret-id"
	if got, want := read(store), "as  approle role-id"; got != want {
		t.Errorf("once it is there: got %s, want %s", got, want)
	}
}

// No watch: the token that the old secret id had gotten is refused, and the next login reads the new one.
func TestARotatedSecretCostsOneLoginAndNoFailure(t *testing.T) {
	const who = " approle role-id"
	credentials := held{"Secret team-a/login/id": "first"}
	v := &strict{admits: map[string]string{who: "first"}}
	read := readAs(t, hashivault.Config{Address: serve(t, v).URL, Credentials: credentials.get})
	store := plan.Store{Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID}
	var got []string
	got = append(got, read(store))
	credentials["Secret team-a/login/id"] = "second"
	got = append(got, read(store))
	v.admit(who, "second")
	got = append(got, read(store), read(store))
	if want := []string{"as " + who, "as " + who, "as " + who, "as " + who}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if logins, _ := v.seen(); !cmp.Equal(logins, []string{who, who}) {
		t.Errorf("logins %q, want two", logins)
	}
}

// A namespace that is deleted and made again for others must not read by the token that its predecessor's credential got.
func TestAForgottenStoreProvesItselfAnew(t *testing.T) {
	const installation, ofSecret, ofAccount = " k8s syncer", " approle role-id", " k8s reader"
	credentials := held{"Secret team-a/login/id": "secret-id", "ServiceAccount team-a/reader/": "readers-jwt"}
	v := &strict{admits: map[string]string{installation: "syncers-jwt", ofSecret: "secret-id", ofAccount: "readers-jwt"}}
	d, err := hashivault.New(hashivault.Config{Address: serve(t, v).URL, JWTPath: file(t, "token", "syncers-jwt"), Credentials: credentials.get})
	if err != nil {
		t.Fatal(err)
	}
	client := &backend.Client{Drivers: map[plan.Backend]driver.Driver{backends.Vault: d}}
	stores := []plan.Store{
		{Mount: "k8s", Role: "syncer"},
		{Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID},
		{Mount: "k8s", Role: "reader", Credential: account},
	}
	readAll := func() (kinds []string) {
		for _, s := range stores {
			s.Backend = backends.Vault
			_, err := client.Get(t.Context(), plan.Source{Store: s, Read: plan.Read{Key: "kv/a", EngineVersion: 1}})
			kind := "read"
			if failed, ok := errors.AsType[*backend.Error](err); ok {
				kind = failed.Kind.String()
			}
			kinds = append(kinds, kind)
		}
		return kinds
	}
	if got, want := readAll(), []string{"read", "read", "read"}; !cmp.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	clear(credentials)
	if got, want := readAll(), []string{"read", "read", "read"}; !cmp.Equal(got, want) {
		t.Errorf("while the sessions last: got %q, want %q", got, want)
	}
	for _, s := range stores {
		s.Backend = backends.Vault
		client.Forget(s)
	}
	if got, want := readAll(), []string{"read", "unauthenticated", "unauthenticated"}; !cmp.Equal(got, want) {
		t.Errorf("once they are forgotten: got %q, want %q", got, want)
	}
	if logins, _ := v.seen(); !cmp.Equal(logins, []string{installation, ofSecret, ofAccount}) {
		t.Errorf("logins %q, want one of each", logins)
	}
}

// What a proxy quotes of a login is not shown, whatever form it has.
func TestACredentialThatIsRefusedIsNotShown(t *testing.T) {
	for name, store := range map[string]plan.Store{
		"the syncer's own AppRole": {},
		"the syncer's own token":   {Mount: "k8s", Role: "r"},
		"a Secret's":               {Method: backends.VaultAppRole, Mount: "approle", Role: "role-id", Credential: secretID},
		"a ServiceAccount's token": {Mount: "k8s", Role: "r", Credential: account},
	} {
		t.Run(name, func(t *testing.T) {
			var told []string
			got := readAs(t, hashivault.Config{
				Address: serve(t, &strict{}).URL, RoleID: "syncers-role", SecretID: "planted", JWTPath: file(t, "token", "planted"),
				Credentials: held{"Secret team-a/login/id": "planted", "ServiceAccount team-a/reader/": "planted"}.get,
				Failed:      func(_ string, err error) { told = append(told, fmt.Sprintf("%v %+v", err, errors.Unwrap(err))) },
			})(store)
			const want = "unauthenticated: no login: the answer quotes the credential, and is not shown; "
			if !strings.HasPrefix(got, want) || strings.Contains(got, "planted") || len(told) != 1 || strings.Contains(told[0], "planted") {
				t.Errorf("got %s, and Failed got %q, want %s…", got, told, want)
			}
		})
	}
}

// Each field of a Store says where to read or as whom: none is shared by two that differ in one.
func TestOnlyEqualStoresShareASession(t *testing.T) {
	tls := httptest.NewUnstartedServer(nil)
	v := &strict{admits: map[string]string{}}
	tls.Config.Handler = v
	tls.StartTLS()
	t.Cleanup(tls.Close)
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw}))
	base := plan.Store{Address: tls.URL, CA: ca, Method: backends.VaultKubernetes, Mount: "k8s", Role: "r", Namespace: "p/n", Credential: account}
	for _, who := range []string{"p/n k8s r", "other k8s r", "p/n other r", "p/n k8s other", "p k8s r"} {
		v.admits[who] = "jwt"
	}
	read := readAs(t, hashivault.Config{
		Address: "http://127.0.0.1:1", Servers: []string{tls.URL},
		Credentials: func(_ context.Context, c plan.Credential) (string, error) {
			if c == roleID || c == secretID {
				return ca, nil
			}
			return "jwt", nil
		},
	})
	for name, change := range map[string]func(*plan.Store){
		"nothing":                          func(*plan.Store) {},
		"the name of the server":           func(s *plan.Store) { s.ServerName = "example.com" },
		"the CA":                           func(s *plan.Store) { s.CA += ca },
		"the namespace":                    func(s *plan.Store) { s.Namespace = "other" },
		"the method":                       func(s *plan.Store) { s.Method = backends.VaultJWT },
		"the mount":                        func(s *plan.Store) { s.Mount = "other" },
		"the role":                         func(s *plan.Store) { s.Role = "other" },
		"the namespace of the account":     func(s *plan.Store) { s.Credential.Namespace = "team-b" },
		"the account":                      func(s *plan.Store) { s.Credential.Name = "other" },
		"the audience":                     func(s *plan.Store) { s.Credential.Audiences = "other" },
		"the namespace of the login":       func(s *plan.Store) { s.Login.Namespace = "p" },
		"the place of the CA":              func(s *plan.Store) { s.CA, s.Login.CAFrom = "", roleID },
		"the place of the CA, once more":   func(s *plan.Store) { s.CA, s.Login.CAFrom = "", secretID },
		"a Secret in place of the account": func(s *plan.Store) { s.Credential.Kind = plan.SecretCredential },
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := v.seen()
			store := base
			change(&store)
			for range 2 {
				if got := read(store); !strings.HasPrefix(got, "as ") {
					t.Fatal(got)
				}
			}
			after, _ := v.seen()
			if got := len(after) - len(before); got > 1 || got == 0 && store != base {
				t.Errorf("%d logins, want one", got)
			}
		})
	}
}

// The same words in two Secrets are two identities: each Secret may change by itself.
func TestStoresOfTwoSecretsShareNoSession(t *testing.T) {
	v := &strict{admits: map[string]string{" approle same": "same"}}
	read := readAs(t, hashivault.Config{
		Address: serve(t, v).URL, Credentials: func(context.Context, plan.Credential) (string, error) { return "same", nil },
	})
	by := func(id, secret plan.Credential) plan.Store {
		return plan.Store{Method: backends.VaultAppRole, Mount: "approle", Credential: secret, Login: plan.Login{Identifier: id}}
	}
	for _, store := range []plan.Store{by(roleID, secretID), by(roleID, aToken), by(aToken, secretID), by(roleID, secretID)} {
		if got, want := read(store), "as  approle same"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if logins, _ := v.seen(); len(logins) != 3 {
		t.Errorf("%d logins, want one for each of three stores", len(logins))
	}
}

// The syncer's own server is the same one with and without its name.
func TestTheSyncersOwnServerByItsNameIsTheSameSession(t *testing.T) {
	v := &strict{admits: map[string]string{"home k8s r": "syncers-jwt"}}
	address := serve(t, v).URL
	read := readAs(t, hashivault.Config{Address: address, Namespace: "home"})
	for _, store := range []plan.Store{{Mount: "k8s", Role: "r"}, {Address: address, Mount: "k8s", Role: "r"}} {
		if got, want := read(store), "as home k8s r"; got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if logins, _ := v.seen(); len(logins) != 1 {
		t.Errorf("%d logins, want one", len(logins))
	}
}

// A Store's CA is trusted by its own reads alone, and in place of all others.
func TestTheCAOfAStore(t *testing.T) {
	server := httptest.NewTLSServer(&strict{admits: map[string]string{" k8s r": "jwt"}})
	t.Cleanup(server.Close)
	ca, other := certificate(t, server), otherCA(t)
	text := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	jwt := func(context.Context, plan.Credential) (string, error) { return "jwt", nil }
	const unknown = "certificate signed by unknown authority"
	for name, test := range map[string]struct {
		installations, stores string // files
		want                  string
	}{
		"it is trusted":                       {"", ca, "as  k8s r"},
		"it takes the installation's place":   {ca, other, unknown},
		"another store's is not trusted":      {"", "", unknown},
		"the installation's, where it is one": {ca, "", "as  k8s r"},
	} {
		t.Run(name, func(t *testing.T) {
			read := readAs(t, hashivault.Config{Address: "http://127.0.0.1:1", Servers: []string{server.URL}, ExtraCACerts: test.installations, Credentials: jwt})
			store := plan.Store{Address: server.URL, Mount: "k8s", Role: "r", Credential: account}
			if test.installations == "" { // it is in use before
				trusting := store
				trusting.CA = text(ca)
				if got := read(trusting); got != "as  k8s r" {
					t.Fatal(got)
				}
			}
			if test.stores != "" {
				store.CA = text(test.stores)
			}
			if got := read(store); !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// An installed login has a server, renewals and hooks of its own, and shares nothing with the syncer's.
func TestAnInstalledLoginIsKeptApart(t *testing.T) {
	home, theirs := &strict{admits: map[string]string{"n approle id": "secret"}}, &strict{admits: map[string]string{"n approle id": "secret"}}
	var told []string
	tells := func(who string) func(string, error) {
		return func(operation string, _ error) { told = append(told, who+" "+operation) }
	}
	now := time.Now()
	d, err := hashivault.New(hashivault.Config{
		Address: serve(t, home).URL, Namespace: "n", RoleID: "id", SecretID: "secret", Failed: tells("own"), Now: func() time.Time { return now },
		Installed: map[string]hashivault.Installed{
			"sm":   {Address: serve(t, theirs).URL, RoleID: "id", SecretID: "secret", Failed: tells("sm"), RenewThreshold: 5 * time.Minute},
			"same": {RoleID: "id", SecretID: "wrong", Failed: tells("same")},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	of := func(name string) plan.Store {
		return plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: name}}
	}
	for name, store := range map[string]plan.Store{"the syncer's own": {}, "the installed": of("sm")} {
		expires, err := d.EnsureToken(t.Context(), store)
		if err != nil || !expires.Equal(now.Add(time.Hour)) {
			t.Errorf("the token of %s login ends at %s (%v), want in an hour", name, expires, err)
		}
	}
	if _, err := d.EnsureToken(t.Context(), of("same")); err == nil {
		t.Error("a wrong secret id is admitted: the session is the syncer's")
	}
	for where, v := range map[string]*strict{"the installation's server": home, "the installed one's": theirs} {
		if logins, _ := v.seen(); !cmp.Equal(logins, []string{"n approle id"}) {
			t.Errorf("%s saw the logins %q, want one", where, logins)
		}
	}
	// Without a threshold a token is renewed with a third of its time left. This Vault renews none, which makes for a new login.
	now = now.Add(50 * time.Minute)
	for _, store := range []plan.Store{{}, of("sm")} {
		if _, err := d.EnsureToken(t.Context(), store); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"same login"}; !cmp.Equal(told[:1], want) {
		t.Errorf("Failed got %q, want %q first", told, want)
	}
	after, _ := home.seen()
	others, _ := theirs.seen()
	if len(after) != 2 || len(others) != 1 {
		t.Errorf("after 50 minutes there were %d logins at home and %d at the installed one's, want a second at home alone", len(after), len(others))
	}
	if _, err := d.EnsureToken(t.Context(), of("none")); err == nil || d.Classify(err) != driver.Invalid {
		t.Errorf("a login that is not installed: got %v, want it refused", err)
	}
}

// A login of installed settings ends when they say, although the syncer's own may take longer.
func TestAnInstalledLoginHasATimeoutOfItsOwn(t *testing.T) {
	d, err := hashivault.New(hashivault.Config{
		Address: serve(t, &strict{}).URL, Timeout: time.Hour,
		Installed: map[string]hashivault.Installed{"sm": {RoleID: "id", SecretID: "secret", Timeout: time.Nanosecond}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.EnsureToken(t.Context(), plan.Store{Credential: plan.Credential{Kind: plan.InstalledCredential, Name: "sm"}})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the end of its time", err)
	}
}

func TestAServerHasOneSpelling(t *testing.T) {
	for name, server := range map[string]string{
		"nothing": "", "no URL": "vault.example.com", "capitals": "https://Vault.example.com", "a slash at the end": "https://vault.example.com/",
		"a path": "https://vault.example.com/v1", "a password": "https://u:p@vault.example.com", "another scheme": "unix:///run/vault.sock",
	} {
		if _, err := hashivault.New(hashivault.Config{Servers: []string{"https://vault.example.com:8200", server}}); err == nil ||
			!strings.Contains(err.Error(), "the list of Vault's servers has ") {
			t.Errorf("%s: got %v, want it refused", name, err)
		}
	}
}
