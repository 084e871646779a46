package interop

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/secretgate/secretgate/shared/syncstatus"
)

// TestHealthForArgoCD runs our script as Argo CD runs those of its users: in the same interpreter, with as few of its libraries.
func TestHealthForArgoCD(t *testing.T) {
	script := read(t, "argocd-health.lua")
	for name, o := range statuses() {
		t.Run(name, func(t *testing.T) {
			got, message, err := health(t, script, o, lua.Options{SkipOpenLibs: true})
			if err != nil {
				t.Fatal(err)
			}
			if got != o.argoCD {
				t.Errorf("got %s, want %s", got, o.argoCD)
			}
			if message == "" {
				t.Error("got no message")
			}
		})
	}
}

// TestArgoCDsOwnHealth runs the script that Argo CD has for ExternalSecrets itself, with all libraries, as it does, over what the
// syncer writes.
func TestArgoCDsOwnHealth(t *testing.T) {
	script := argoCDsScript(t, "kubernetes-client.io/ExternalSecret")
	const suspended = "{spec: {suspend: true}, status: {observedGeneration: 2, conditions: [{type: Ready, status: Unknown, reason: Suspended, message: why}]"
	for name, tc := range map[string]struct{ object, health, message string }{
		"it was just created":                     {"spec: {backendType: vault}", "Progressing", "Waiting for ExternalSecret."},
		"it is synced":                            {"status: {status: SUCCESS}", "Healthy", "Fetched ExternalSecret."},
		"it failed":                               {"status: {status: 'ERROR, spec.data[0].key: why'}", "Degraded", "spec.data[0].key: why"},
		"it was suspended from the start":         {suspended + ", status: " + syncstatus.Suspended + "}}", "Progressing", "Waiting for ExternalSecret."},
		"it is suspended after a success":         {suspended + ", status: SUCCESS}}", "Healthy", "Fetched ExternalSecret."},
		"it is suspended after a failure":         {suspended + ", status: 'ERROR, why'}}", "Degraded", "why"},
		"kubernetes-external-secrets synced it":   {"status: {lastSync: '2026-01-01T00:00:00Z', status: SUCCESS}", "Healthy", "Fetched ExternalSecret."},
		"kubernetes-external-secrets had no luck": {"status: {lastSync: '2026-01-01T00:00:00Z', status: 'ERROR, why'}", "Degraded", "why"},
	} {
		t.Run(name, func(t *testing.T) {
			got, message, err := health(t, script, observed{object: tc.object}, lua.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if got != tc.health || message != tc.message {
				t.Errorf("got %s %q, want %s %q", got, message, tc.health, tc.message)
			}
		})
	}
	// This is why the syncer writes status.status always. Where Argo CD has learnt better, so may the syncer.
	if _, _, err := health(t, script, observed{object: suspended + "}}"}, lua.Options{}); err == nil {
		t.Error("a status without status.status is understood, too: correct what gitops.md and the API say of it")
	}
}

// argoCDsScript takes that of a kind from the module of Argo CD, whose version tests/tools/argocd names.
func argoCDsScript(t *testing.T, kind string) string {
	t.Helper()
	program := exec.CommandContext(t.Context(), "go", "run", ".", kind)
	program.Dir = "../tools/argocd"
	program.Env = append(os.Environ(), "GOWORK=off")
	var stderr strings.Builder
	program.Stderr = &stderr
	script, err := program.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return string(script)
}

// health is what a script makes of an object.
func health(t *testing.T, script string, o observed, options lua.Options) (status, message string, err error) {
	t.Helper()
	state := interpreter(t, options)
	defer state.Close()
	state.SetGlobal("obj", value(state, o.parse(t)))
	if err := state.DoString(script); err != nil {
		return "", "", err
	}
	table, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		t.Fatalf("the script returns no table but %s", state.Get(-1).Type())
	}
	text, _ := table.RawGetString("message").(lua.LString)
	return table.RawGetString("status").String(), string(text), nil
}

// interpreter is one as Argo CD makes it for scripts of all kinds.
func interpreter(t *testing.T, options lua.Options) *lua.LState {
	t.Helper()
	state := lua.NewState(options)
	state.SetContext(t.Context())
	for library, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(library)); err != nil {
			t.Fatal(err)
		}
	}
	return state
}

// value is a JSON value as Lua's.
func value(state *lua.LState, v any) lua.LValue {
	switch v := v.(type) {
	case bool:
		return lua.LBool(v)
	case float64:
		return lua.LNumber(v)
	case string:
		return lua.LString(v)
	case []any:
		list := state.NewTable()
		for _, item := range v {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for name, member := range v {
			table.RawSetString(name, value(state, member))
		}
		return table
	default:
		return lua.LNil
	}
}
