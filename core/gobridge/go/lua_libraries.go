package main

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// maxLuaString bounds what string.rep builds up in one step.
const maxLuaString = 16 << 20

// newLua makes an interpreter with the libraries that upstream opens for scripts: base, table and time; `open` adds
// string, math and coroutine. None of them reaches files, programs, the environment or our own standard output.
func newLua(open bool) *lua.LState {
	state := lua.NewState(lua.Options{
		SkipOpenLibs: true, CallStackSize: 64, MinimizeStackMemory: true,
		RegistrySize: 512, RegistryMaxSize: 1 << 20, RegistryGrowStep: 4096,
	})
	libraries := []struct {
		name string
		open lua.LGFunction
	}{{lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.OsLibName, lua.OpenOs}}
	if open {
		libraries = append(libraries, []struct {
			name string
			open lua.LGFunction
		}{
			{lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath},
			{lua.CoroutineLibName, lua.OpenCoroutine},
		}...)
	}
	for _, library := range libraries {
		state.Push(state.NewFunction(library.open))
		state.Push(lua.LString(library.name))
		state.Call(1, 0)
	}
	tame(state)
	return state
}

// tame removes what reaches out of the interpreter.
func tame(state *lua.LState) {
	for _, name := range []string{"dofile", "loadfile", "module", "collectgarbage", "_printregs"} {
		state.SetGlobal(name, lua.LNil)
	}
	state.SetGlobal("print", state.NewFunction(func(*lua.LState) int { return 0 }))
	clock := state.NewTable()
	if all, ok := state.GetGlobal(lua.OsLibName).(*lua.LTable); ok {
		for _, name := range []string{"time", "date"} {
			clock.RawSetString(name, all.RawGetString(name))
		}
	}
	state.SetGlobal(lua.OsLibName, clock)
	state.SetGlobal("require", state.NewFunction(func(state *lua.LState) int {
		if name := state.CheckString(1); name != lua.OsLibName {
			state.RaiseError("module %s not found", name)
		}
		state.Push(clock)
		return 1
	}))
	if text, ok := state.GetGlobal(lua.StringLibName).(*lua.LTable); ok {
		text.RawSetString("rep", state.NewFunction(luaRepeat))
	}
}

func luaRepeat(state *lua.LState) int {
	text, count := state.CheckString(1), state.CheckInt(2)
	if count > 0 && len(text) > maxLuaString/count {
		state.RaiseError("string.rep would make more than %d bytes", maxLuaString)
	}
	state.Push(lua.LString(strings.Repeat(text, max(count, 0))))
	return 1
}
