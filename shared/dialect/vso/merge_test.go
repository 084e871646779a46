package vso_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/dialect/vso/v1beta1"
	"github.com/secretgate/secretgate/shared/plan"
)

// login is how core/db logs in, and what is wrong with that.
func login(t *testing.T, r row) (plan.Store, []string) {
	t.Helper()
	p, errs := r.Plan(t)
	var said []string
	for _, err := range errs {
		said = append(said, err.Error())
	}
	if p == nil || len(p.Entries) == 0 {
		return plan.Store{}, said
	}
	return p.Entries[0].Source.Store, said
}

// merging is an object whose VaultAuth core/auth refers to VaultAuthGlobal core/g.
func merging(auth v1beta1.VaultAuthSpec, global v1beta1.VaultAuthGlobalSpec) row {
	if auth.VaultAuthGlobalRef == nil {
		auth.VaultAuthGlobalRef = &v1beta1.VaultAuthGlobalRef{Name: "g"}
	}
	return row{
		Auths: map[string]v1beta1.VaultAuthSpec{"core/auth": auth}, Globals: map[string]v1beta1.VaultAuthGlobalSpec{"core/g": global},
		Connections: map[string]v1beta1.VaultConnectionSpec{
			"secretgate/default": {Address: "https://default"}, "core/own": {Address: "https://own"}, "core/global": {Address: "https://global"},
		},
		Object: &v1beta1.VaultStaticSecretSpec{
			VaultAuthRef: "auth", Type: v1beta1.TypeKV2, Mount: "secret", Path: "core/db", Destination: v1beta1.Destination{Name: "db", Create: true},
		},
	}
}

// TestAVaultAuthWinsFieldByField takes each field from either object.
func TestAVaultAuthWinsFieldByField(t *testing.T) {
	global := func() v1beta1.VaultAuthGlobalSpec {
		return v1beta1.VaultAuthGlobalSpec{
			VaultConnectionRef: "global", DefaultAuthMethod: v1beta1.MethodKubernetes, DefaultMount: "default-mount",
			DefaultVaultNamespace: "default-namespace",
			Kubernetes: &v1beta1.GlobalKubernetes{
				Kubernetes:   v1beta1.Kubernetes{Role: "global-role", ServiceAccount: "global-sa", Audiences: []string{"global"}},
				GlobalMethod: v1beta1.GlobalMethod{Mount: "global-mount", Namespace: "global-namespace"},
			},
			JWT: &v1beta1.GlobalJWT{JWT: v1beta1.JWT{Role: "jwt-role", ServiceAccount: "jwt-sa"}},
		}
	}
	store := plan.Store{
		Backend: backend.Vault, Address: "https://global", Namespace: "global-namespace", Method: backend.VaultKubernetes, Mount: "global-mount",
		Role:       "global-role",
		Credential: plan.Credential{Kind: plan.AccountCredential, Namespace: "core", Name: "global-sa", Audiences: "global"},
	}
	for name, test := range map[string]struct {
		auth   v1beta1.VaultAuthSpec
		global func(*v1beta1.VaultAuthGlobalSpec)
		want   func(*plan.Store)
		said   []string
	}{
		"all is the global's": {},
		"the connection is the VaultAuth's": {
			auth: v1beta1.VaultAuthSpec{VaultConnectionRef: "own"}, want: func(s *plan.Store) { s.Address = "https://own" },
		},
		"the connection is neither's": {
			global: func(g *v1beta1.VaultAuthGlobalSpec) { g.VaultConnectionRef = "" }, want: func(s *plan.Store) { s.Address = "https://default" },
		},
		"the mount is the VaultAuth's": {auth: v1beta1.VaultAuthSpec{Mount: "own"}, want: func(s *plan.Store) { s.Mount = "own" }},
		"the mount is the default, where the method has none": {
			global: func(g *v1beta1.VaultAuthGlobalSpec) { g.Kubernetes.Mount = "" }, want: func(s *plan.Store) { s.Mount = "default-mount" },
		},
		"the namespace is the VaultAuth's": {auth: v1beta1.VaultAuthSpec{Namespace: "own"}, want: func(s *plan.Store) { s.Namespace = "own" }},
		"the namespace is the default, where the method has none": {
			global: func(g *v1beta1.VaultAuthGlobalSpec) { g.Kubernetes.Namespace = "" },
			want:   func(s *plan.Store) { s.Namespace = "default-namespace" },
		},
		"the role is the VaultAuth's": {
			auth: v1beta1.VaultAuthSpec{Kubernetes: &v1beta1.Kubernetes{Role: "own"}}, want: func(s *plan.Store) { s.Role = "own" },
		},
		"the ServiceAccount is the VaultAuth's": {
			auth: v1beta1.VaultAuthSpec{Kubernetes: &v1beta1.Kubernetes{ServiceAccount: "own"}}, want: func(s *plan.Store) { s.Credential.Name = "own" },
		},
		"the audiences are the VaultAuth's": {
			auth: v1beta1.VaultAuthSpec{Kubernetes: &v1beta1.Kubernetes{Audiences: []string{"own"}}},
			want: func(s *plan.Store) { s.Credential.Audiences = "own" },
		},
		"the method is the VaultAuth's, and all of it, too": {
			auth: v1beta1.VaultAuthSpec{Method: v1beta1.MethodJWT}, want: func(s *plan.Store) {
				s.Method, s.Mount, s.Namespace, s.Role, s.Credential.Name, s.Credential.Audiences =
					backend.VaultJWT, "default-mount", "default-namespace", "jwt-role", "jwt-sa", ""
			},
		},
		"a Secret of the VaultAuth's stands for the global's ServiceAccount": {
			auth: v1beta1.VaultAuthSpec{Method: v1beta1.MethodJWT, JWT: &v1beta1.JWT{SecretRef: "own"}}, want: func(s *plan.Store) {
				s.Method, s.Mount, s.Namespace, s.Role = backend.VaultJWT, "default-mount", "default-namespace", "jwt-role"
				s.Credential = plan.Credential{Kind: plan.SecretCredential, Namespace: "core", Name: "own", Key: "jwt"}
			},
		},
		"a role of neither": {
			global: func(g *v1beta1.VaultAuthGlobalSpec) { g.Kubernetes.Role = "" }, want: func(s *plan.Store) { *s = plan.Store{} },
			said: []string{"VaultAuth[auth].spec.kubernetes.role: Required value: invalid merge: empty role: set it here, or in the VaultAuthGlobal"},
		},
		"a mount of neither": {
			global: func(g *v1beta1.VaultAuthGlobalSpec) { g.Kubernetes.Mount, g.DefaultMount = "", "" },
			want:   func(s *plan.Store) { *s = plan.Store{} },
			said:   []string{"VaultAuth[auth].spec.mount: Required value: the mount of the auth method"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, want := global(), store
			if test.global != nil {
				test.global(&g)
			}
			if test.want != nil {
				test.want(&want)
			}
			got, said := login(t, merging(test.auth, g))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("store (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.said, said); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

// TestHeadersAreMergedByTheStrategy looks at the namespace, which a header names, and at params, of which none is served.
func TestHeadersAreMergedByTheStrategy(t *testing.T) {
	named := func(namespace string) map[string]string {
		if namespace == "" {
			return nil
		}
		return map[string]string{"X-Vault-Namespace": namespace}
	}
	for name, test := range map[string]struct {
		strategy              string
		own, ofMethod, global string
		want                  string
	}{
		"none, which is the default, takes the VaultAuth's":     {"", "own", "method", "global", "own"},
		"none takes nothing else":                               {"none", "", "method", "global", ""},
		"the default takes nothing else, either":                {"", "", "method", "global", ""},
		"union takes the VaultAuth's first":                     {"union", "own", "method", "global", "own"},
		"union takes the method's before the global's":          {"union", "", "method", "global", "method"},
		"union takes the global's at last":                      {"union", "", "", "global", "global"},
		"replace takes the VaultAuth's, if there are any":       {"replace", "own", "method", "global", "own"},
		"replace takes the method's, if the VaultAuth has none": {"replace", "", "method", "global", "method"},
		"replace takes the global's, if there are no others":    {"replace", "", "", "global", "global"},
		"replace takes none where there is none":                {"replace", "", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			auth := v1beta1.VaultAuthSpec{
				Headers:            named(test.own),
				VaultAuthGlobalRef: &v1beta1.VaultAuthGlobalRef{Name: "g", MergeStrategy: &v1beta1.MergeStrategy{Headers: test.strategy}},
			}
			global := v1beta1.VaultAuthGlobalSpec{
				DefaultAuthMethod: v1beta1.MethodKubernetes, DefaultMount: "k8s", Headers: named(test.global),
				Kubernetes: &v1beta1.GlobalKubernetes{
					Kubernetes:   v1beta1.Kubernetes{Role: "r", ServiceAccount: "sa"},
					GlobalMethod: v1beta1.GlobalMethod{Headers: named(test.ofMethod)},
				},
			}
			got, said := login(t, merging(auth, global))
			if got.Namespace != test.want || len(said) > 0 {
				t.Errorf("got namespace %q and errors %v, want %q", got.Namespace, said, test.want)
			}
			auth.VaultAuthGlobalRef.MergeStrategy = &v1beta1.MergeStrategy{Params: test.strategy}
			auth.Params, auth.Headers, global.Params, global.Headers = named(test.own), nil, named(test.global), nil
			global.Kubernetes.Params, global.Kubernetes.Headers = named(test.ofMethod), nil
			if _, said := login(t, merging(auth, global)); (len(said) > 0) != (test.want != "") {
				t.Errorf("params: got errors %v, want some: %t", said, test.want != "")
			}
		})
	}
}

// TestWhichGlobalIsMeant looks for the VaultAuthGlobals that a VaultAuth may mean.
func TestWhichGlobalIsMeant(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		ref   v1beta1.VaultAuthGlobalRef
		there []string
		want  string // the role that the global has, which is where it is
		said  string
	}{
		"by its name":             {v1beta1.VaultAuthGlobalRef{Name: "g"}, []string{"core/g", "core/default"}, "core/g", ""},
		"by name and namespace":   {v1beta1.VaultAuthGlobalRef{Name: "g", Namespace: "platform"}, []string{"core/g", "platform/g"}, "platform/g", ""},
		"a name before a default": {v1beta1.VaultAuthGlobalRef{Name: "g", AllowDefault: &yes}, []string{"core/g", "core/default"}, "core/g", ""},
		"the default of the VaultAuth's namespace": {
			v1beta1.VaultAuthGlobalRef{AllowDefault: &yes}, []string{"core/default", "secretgate/default"}, "core/default", "",
		},
		"the default of the operator's namespace": {v1beta1.VaultAuthGlobalRef{AllowDefault: &yes}, []string{"secretgate/default"}, "secretgate/default", ""},
		"the default of the namespace that is named": {
			v1beta1.VaultAuthGlobalRef{AllowDefault: &yes, Namespace: "platform"}, []string{"core/default", "platform/default"}, "platform/default", "",
		},
		"no other than in the namespace that is named": {
			v1beta1.VaultAuthGlobalRef{AllowDefault: &yes, Namespace: "platform"}, []string{"core/default", "secretgate/default"}, "",
			`VaultAuth[auth].spec.vaultAuthGlobalRef: Not found: "default": there is no VaultAuthGlobal platform/default yet`,
		},
		"no default at all": {
			v1beta1.VaultAuthGlobalRef{AllowDefault: &yes}, nil, "",
			`VaultAuth[auth].spec.vaultAuthGlobalRef: Not found: "default": there is no VaultAuthGlobal core/default yet`,
		},
		"no default without leave": {
			v1beta1.VaultAuthGlobalRef{AllowDefault: &no}, []string{"core/default"}, "",
			"VaultAuth[auth].spec.vaultAuthGlobalRef: Invalid value: must have a name, or allowDefault: true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := merging(v1beta1.VaultAuthSpec{VaultAuthGlobalRef: &test.ref}, v1beta1.VaultAuthGlobalSpec{})
			r.Globals = map[string]v1beta1.VaultAuthGlobalSpec{}
			for _, at := range test.there {
				r.Globals[at] = v1beta1.VaultAuthGlobalSpec{
					AllowedNamespaces: []string{"*"}, VaultConnectionRef: "core/global", DefaultAuthMethod: v1beta1.MethodKubernetes, DefaultMount: "k8s",
					Kubernetes: &v1beta1.GlobalKubernetes{Kubernetes: v1beta1.Kubernetes{Role: at, ServiceAccount: "sa"}},
				}
			}
			got, said := login(t, r)
			if got.Role != test.want || (test.said == "") != (len(said) == 0) || test.said != "" && said[0] != test.said {
				t.Errorf("got role %q and errors %q, want %q and %q", got.Role, said, test.want, test.said)
			}
			wanted := resolvedReferences(t, r)
			if test.said == "" && !wanted[ref("VaultAuthGlobal", test.want)] {
				t.Errorf("got references %v, want %s among them", wanted, test.want)
			}
		})
	}
}

// resolvedReferences are those that a reader of the row's object looks for.
func resolvedReferences(t *testing.T, r row) map[dialect.Reference]bool {
	t.Helper()
	installation, known := r.installation(), r.resolved()
	_, wanted, err := dialect.Resolve(dialect.ReferencesOf(installation, r.object(t)), func(wanted []dialect.Reference) (dialect.Resolved, error) {
		found := dialect.Resolved{}
		for _, one := range wanted {
			if object, there := known[one]; there {
				found[one] = object
			}
		}
		return found, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all := map[dialect.Reference]bool{}
	for _, one := range wanted {
		all[one] = true
	}
	return all
}
