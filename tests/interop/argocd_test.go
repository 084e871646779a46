package interop

import (
	"testing"

	lua "github.com/yuin/gopher-lua"
)

// TestHealthForArgoCD runs the script as Argo CD does: in the same interpreter, with as few of its libraries.
func TestHealthForArgoCD(t *testing.T) {
	script := read(t, "argocd-health.lua")
	for name, o := range statuses() {
		t.Run(name, func(t *testing.T) {
			state := lua.NewState(lua.Options{SkipOpenLibs: true})
			defer state.Close()
			state.SetContext(t.Context())
			for library, open := range map[string]lua.LGFunction{
				lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
			} {
				if err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(library)); err != nil {
					t.Fatal(err)
				}
			}
			state.SetGlobal("obj", value(state, o.parse(t)))
			if err := state.DoString(script); err != nil {
				t.Fatal(err)
			}
			health, isTable := state.Get(-1).(*lua.LTable)
			if !isTable {
				t.Fatalf("the script returns no table but %s", state.Get(-1).Type())
			}
			if got := health.RawGetString("status").String(); got != o.argoCD {
				t.Errorf("it is %s, not %s", got, o.argoCD)
			}
			if message, isText := health.RawGetString("message").(lua.LString); !isText || message == "" {
				t.Error("it says nothing about it")
			}
		})
	}
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
