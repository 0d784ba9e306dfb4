package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// luaTime is how long one script may run, as upstream allows.
const luaTime = time.Second

type luaItem struct {
	Script string          `json:"script"`
	Object json.RawMessage `json:"object"`
	Open   bool            `json:"open"`
}

// luaHealth is what a script says; an empty status means "no opinion".
type luaHealth struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// scripts runs health scripts: those that are given, else those that Argo CD carries.
type scripts struct {
	programs *compiled[*lua.FunctionProto]
	embedded *embeddedScripts
	idle     chan *lua.LState
}

func newScripts() *scripts {
	return &scripts{newCompiled[*lua.FunctionProto](2000), newEmbeddedScripts(), make(chan *lua.LState, 16)}
}

func (s *scripts) health(ctx context.Context, in struct {
	Items []luaItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, s.one), nil
}

func (s *scripts) one(ctx context.Context, item luaItem) (any, error) {
	var object value
	if tooDeep(item.Object) {
		return nil, refused("depth", "nested deeper than %d levels", maxDepth)
	}
	if err := object.UnmarshalJSON(item.Object); err != nil {
		return nil, err
	}
	fields, ok := object.any.(map[string]any)
	if !ok {
		return nil, userError("a manifest is an object")
	}
	own := item.Script == ""
	if own {
		if item.Script = s.embedded.health(fields); item.Script == "" {
			return nil, nil
		}
	}
	program, err := s.programs.get(item.Script, func() (*lua.FunctionProto, error) { return compileLua(item.Script) })
	if err != nil {
		return nil, userError("the script cannot be read: %s", err)
	}
	state := s.state(own, item.Open)
	found, err := runLua(ctx, state, program, fields)
	if own && err == nil {
		s.keep(state)
	} else {
		state.Close()
	}
	return found, err
}

// state gives an interpreter. A script of the user's gets a fresh one; our own ones, which keep to themselves, share.
func (s *scripts) state(own, open bool) *lua.LState {
	if own {
		select {
		case state := <-s.idle:
			return state
		default:
		}
	}
	return newLua(own || open)
}

func (s *scripts) keep(state *lua.LState) {
	state.SetTop(0)
	select {
	case s.idle <- state:
	default:
		state.Close()
	}
}

func compileLua(script string) (*lua.FunctionProto, error) {
	chunk, err := parse.Parse(strings.NewReader(script), "script")
	if err != nil {
		return nil, err
	}
	return lua.Compile(chunk, "script")
}

// runLua runs a script in an environment of its own, so that its globals do not stay.
func runLua(ctx context.Context, state *lua.LState, program *lua.FunctionProto, object map[string]any) (any, error) {
	limited, cancel := context.WithTimeout(ctx, luaTime)
	defer cancel()
	state.SetContext(limited)
	environment := state.NewTable()
	globals := state.NewTable()
	globals.RawSetString("__index", state.G.Global)
	state.SetMetatable(environment, globals)
	environment.RawSetString("obj", toLua(state, object))
	environment.RawSetString("actionParams", state.NewTable())
	function := state.NewFunctionFromProto(program)
	function.Env = environment
	err := state.CallByParam(lua.P{Fn: function, NRet: 1, Protect: true})
	if err != nil {
		return nil, luaError(err, limited, ctx)
	}
	result := state.Get(-1)
	state.Pop(1)
	return readHealth(result)
}

func luaError(err error, limited, caller context.Context) error {
	if limited.Err() != nil && caller.Err() == nil {
		return userError("the script took longer than %s", luaTime)
	}
	var known *lua.ApiError
	if errors.As(err, &known) && known.Object != nil && known.Object != lua.LNil {
		return userError("the script failed: %s", known.Object)
	}
	return userError("the script failed: %s", err)
}

func readHealth(result lua.LValue) (any, error) {
	if result == lua.LNil {
		return nil, nil
	}
	table, ok := result.(*lua.LTable)
	if !ok {
		return nil, userError("the script gave a %s, not a table", result.Type())
	}
	status, message := table.RawGetString("status"), table.RawGetString("message")
	if status == lua.LNil && message == lua.LNil {
		return nil, nil
	}
	found := luaHealth{}
	for place, text := range map[*string]lua.LValue{&found.Status: status, &found.Message: message} {
		if text == lua.LNil {
			continue
		}
		known, ok := text.(lua.LString)
		if !ok {
			return nil, userError("status and message are texts, not a %s", text.Type())
		}
		*place = string(known)
	}
	switch found.Status {
	case "Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown":
		return found, nil
	}
	return luaHealth{"Unknown", "Lua returned an invalid health status"}, nil
}

func toLua(state *lua.LState, from any) lua.LValue {
	switch known := from.(type) {
	case bool:
		return lua.LBool(known)
	case string:
		return lua.LString(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case []any:
		table := state.CreateTable(len(known), 0)
		for _, item := range known {
			table.Append(toLua(state, item))
		}
		return table
	case map[string]any:
		table := state.CreateTable(0, len(known))
		for key, item := range known {
			table.RawSetString(key, toLua(state, item))
		}
		return table
	}
	return lua.LNil
}
