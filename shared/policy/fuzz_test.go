package policy_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/secretgate/secretgate/shared/backend"
	"github.com/secretgate/secretgate/shared/names"
	"github.com/secretgate/secretgate/shared/plan"
	"github.com/secretgate/secretgate/shared/policy"
)

// FuzzPatterns compares matching with what package regexp finds: a value is permitted where the longest match of one line,
// compiled alone, is all of it; under legacy matching, where there is any match. What does not compile, or is too large,
// permits nothing, and Examine says so. None of it takes long, whatever a namespace's author writes.
func FuzzPatterns(f *testing.F) {
	for _, seed := range [][2]string{
		{"/dev/.*\n/prod/db", "/dev/x"},
		{"a)|.*|(b", "prod"},
		{`/a/\Qx.y`, "/a/x.y"},
		{`\Qa\`, `a\`},
		{"(?m)^/a$", "/a\n/b"},
		{"(?s).*(?i)X\\b", "ax"},
		{"a|ab|abc", "abc"},
		{"(?U)a+", "aaa"},
		{"x{1000}\r\n\r\n", "x"},
		{`(?:(?:.?){30}){30}`, strings.Repeat("x", 100)},
		{"(x+x+)+y", strings.Repeat("x", 300)},
		{`\pL*\z`, "й"},
		{"[^\\n]*", "\x00\xff"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		p := planOf(plan.Store{Backend: backend.AWSSecretsManager}, read("spec.data[0].key", value))
		ns := policy.Namespace{Name: "core", Annotations: map[string]string{names.AnnotationPermittedKeyName: text}}
		for _, settings := range []policy.Settings{{}, {Legacy: true}} {
			violations := policy.Check(p, ns, settings)
			flaw, blank := policy.Examine(text, settings)
			permitted := len(violations) == 0
			switch {
			case flaw != nil && (permitted || flaw.Problem == "" || flaw.Remedy == ""):
				t.Fatalf("%q has a flaw, %+v, and permits %t", text, flaw, permitted)
			case flaw != nil:
			case permitted != reference(t, text, value, settings.Legacy, blank):
				t.Fatalf("legacy %t: annotation %q permits %q: %t", settings.Legacy, text, value, permitted)
			}
			for _, v := range violations {
				if len(v.Error.Error()) > 20_000+20*len(value) {
					t.Fatalf("a message of %d bytes", len(v.Error.Error()))
				}
			}
		}
	})
}

// reference is what an annotation without a flaw should permit.
func reference(t *testing.T, text, value string, legacy, blank bool) bool {
	t.Helper()
	if blank {
		return legacy
	}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.TrimSpace(line) == "" {
			continue
		}
		re, err := regexp.Compile(line)
		if err != nil {
			t.Fatalf("line %q has no flaw, but does not compile: %v", line, err)
		}
		if legacy && re.MatchString(value) {
			return true
		}
		re.Longest()
		if found := re.FindStringIndex(value); !legacy && found != nil && found[0] == 0 && found[1] == len(value) {
			return true
		}
	}
	return false
}

// FuzzCheck holds for whatever namespaces and plans there are: no panic, and a further annotation never permits more.
func FuzzCheck(f *testing.F) {
	f.Add("secretsManager", "dev/db", "role", "eu-west-1", "dev/.*", "role", "eu-.*", "true")
	f.Add("vault", "secret/data/x", "", "", "secret/.*", "[", "", "True")
	f.Add("azureKeyVault", "a", "x", "vault", "a", "x", "vault", "")
	f.Fuzz(func(t *testing.T, of, key, role, reach, keys, roles, reaches, required string) {
		entry := read("spec.dataFrom[0]", key)
		entry.Kind = plan.Members
		p := planOf(plan.Store{
			Backend: plan.Backend(of), Location: reach, Container: reach, Role: role, Mount: reach, Address: reach, Namespace: reach,
			Credential: plan.Credential{Kind: plan.AccountCredential, Name: role},
		}, entry)
		all := map[string]string{
			names.AnnotationPermittedKeyName: keys, names.AnnotationPermittedRole: roles, names.AnnotationRequireRole: required,
			names.AnnotationPermittedRegion: reaches, names.AnnotationPermittedVaultMount: reaches,
			names.AnnotationPermittedKeyVault: reaches, names.AnnotationPermittedProject: reaches,
			names.AnnotationPermittedVaultServer: reaches, names.AnnotationPermittedVaultNamespace: reaches,
			names.AnnotationPermittedServiceAccount: roles,
		}
		whole := len(policy.Check(p, policy.Namespace{Name: "core", Annotations: all}, policy.Settings{}))
		for annotation, text := range all {
			alone := policy.Namespace{Name: "core", Annotations: map[string]string{annotation: text}}
			if n := len(policy.Check(p, alone, policy.Settings{})); n > 0 && whole == 0 {
				t.Fatalf("annotation %s: %q denies alone, but not beside others", annotation, text)
			}
		}
		enforced := len(policy.Check(p, policy.Namespace{Name: "core"}, policy.Settings{Enforce: true}))
		if enforced == 0 {
			t.Fatal("a namespace without annotations permits although they are enforced")
		}
	})
}
