package interop

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"
	"sigs.k8s.io/yaml"

	"github.com/secretgate/secretgate/shared/names"
)

// resourceActions is Argo CD's type of that name, which it decodes what argocd-cm holds into.
// https://argo-cd.readthedocs.io/en/stable/operator-manual/resource_actions/
type resourceActions struct {
	Discovery   string             `json:"discovery.lua"`
	Definitions []actionDefinition `json:"definitions"`
}

type actionDefinition struct {
	Name   string `json:"name"`
	Action string `json:"action.lua"`
}

func actions(t *testing.T) resourceActions {
	t.Helper()
	var all resourceActions
	if err := yaml.UnmarshalStrict([]byte(read(t, "argocd-actions.yaml")), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestActionsThatArgoCDOffers(t *testing.T) {
	all := actions(t)
	for name, tc := range map[string]struct {
		object   string
		disabled bool
	}{
		"an object that is synced":     {"spec: {backendType: vault}", false},
		"one that is not suspended":    {"spec: {suspend: false}", false},
		"one that is suspended":        {"spec: {suspend: true}", true},
		"one of another kind's fields": {"status: {}", false},
	} {
		t.Run(name, func(t *testing.T) {
			want := map[string]any{"refresh": map[string]any{
				"disabled": tc.disabled, "displayName": "Refresh now", "iconClass": "fa fa-fw fa-refresh",
			}}
			if diff := cmp.Diff(want, run(t, all.Discovery, observed{object: tc.object}.parse(t))); diff != "" {
				t.Errorf("the actions (-want +got):\n%s", diff)
			}
		})
	}
	if len(all.Definitions) != 1 || all.Definitions[0].Name != "refresh" {
		t.Errorf("got definitions of %v, want that of refresh", all.Definitions)
	}
}

// An action may change what it names alone: Argo CD patches the object with the difference.
func TestArgoCDRefreshesNow(t *testing.T) {
	script := actions(t).Definitions[0].Action
	for name, text := range map[string]string{
		"an object without annotations": "{spec: {backendType: vault}, metadata: {name: db, generation: 2}}",
		"one with others":               "{spec: {backendType: vault}, metadata: {name: db, generation: 2, annotations: {team: core}}}",
		"one that was refreshed before": "{metadata: {name: db, generation: 2, annotations: {" + names.AnnotationForceSync + ": before}}}",
	} {
		t.Run(name, func(t *testing.T) {
			object := observed{object: text}.parse(t)
			got := run(t, script, object)
			metadata, _ := got["metadata"].(map[string]any)
			annotations, _ := metadata["annotations"].(map[string]any)
			value, _ := annotations[names.AnnotationForceSync].(string)
			if _, err := time.Parse(time.RFC3339, value); err != nil {
				t.Errorf("got %s %q, want the time: %v", names.AnnotationForceSync, value, err)
			}
			want := observed{object: text}.parse(t)
			before, _ := want["metadata"].(map[string]any)
			if before["annotations"] == nil {
				before["annotations"] = map[string]any{}
			}
			noted, _ := before["annotations"].(map[string]any)
			noted[names.AnnotationForceSync] = value
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the object (-want +got):\n%s", diff)
			}
		})
	}
}

// run is what a script makes of an object in Argo CD's interpreter: without libraries but those for tables and of the clock.
func run(t *testing.T, script string, object map[string]any) map[string]any {
	t.Helper()
	state := interpreter(t, lua.Options{SkipOpenLibs: true})
	defer state.Close()
	clock := state.NewTable()
	if err := state.CallByParam(lua.P{Fn: state.NewFunction(lua.OpenOs), NRet: 1, Protect: true}, lua.LString(lua.OsLibName)); err != nil {
		t.Fatal(err)
	}
	library, _ := state.Get(-1).(*lua.LTable)
	state.Pop(1)
	for _, name := range []string{"date", "time"} {
		clock.RawSetString(name, library.RawGetString(name))
	}
	state.PreloadModule(lua.OsLibName, func(state *lua.LState) int { state.Push(clock); return 1 })
	loaded, _ := state.GetField(state.GetGlobal("package"), "loaded").(*lua.LTable)
	loaded.RawSetString(lua.OsLibName, lua.LNil) // so that require gives the one above
	state.SetGlobal(lua.OsLibName, lua.LNil)
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		t.Fatal(err)
	}
	got, isTable := plain(state.Get(-1)).(map[string]any)
	if !isTable {
		t.Fatalf("the script returns no table but %s", state.Get(-1).Type())
	}
	return got
}

// plain is a Lua value as JSON's; of tables, there are none but those with names.
func plain(v lua.LValue) any {
	switch v := v.(type) {
	case lua.LBool:
		return bool(v)
	case lua.LNumber:
		return float64(v)
	case lua.LString:
		return string(v)
	case *lua.LTable:
		all := map[string]any{}
		v.ForEach(func(name, member lua.LValue) { all[name.String()] = plain(member) })
		return all
	default:
		return nil
	}
}
