package main

import (
	"context"
	"sort"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/fluxcd/pkg/envsubst"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"
	"github.com/tidwall/sjson"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

type expressionItem struct {
	Text      string `json:"text"`
	Variables value  `json:"variables"`
}

func (item expressionItem) variables() map[string]any {
	known, _ := ints(item.Variables.any).(map[string]any)
	if known == nil {
		known = map[string]any{}
	}
	return known
}

// expressions evaluates expr-lang and CEL; each text is compiled once.
type expressions struct {
	expr *compiled[*vm.Program]
	cel  *compiled[cel.Program]
}

func newExpressions() *expressions {
	return &expressions{newCompiled[*vm.Program](5000), newCompiled[cel.Program](1000)}
}

func (e *expressions) evaluateExpr(ctx context.Context, in struct {
	Items []expressionItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, func(_ context.Context, item expressionItem) (any, error) {
		program, err := e.expr.get(item.Text, func() (*vm.Program, error) {
			return expr.Compile(item.Text, expr.AllowUndefinedVariables())
		})
		if err != nil {
			return nil, err
		}
		return expr.Run(program, item.variables())
	}), nil
}

// celCost bounds the work of one CEL expression, in CEL's own units.
const celCost = 10_000_000

func (e *expressions) evaluateCEL(ctx context.Context, in struct {
	Items []expressionItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, func(ctx context.Context, item expressionItem) (any, error) {
		variables := item.variables()
		names := sortedKeys(variables)
		program, err := e.cel.get(strings.Join(names, ",")+"\x00"+item.Text, func() (cel.Program, error) {
			return compileCEL(item.Text, names)
		})
		if err != nil {
			return nil, err
		}
		result, _, err := program.ContextEval(ctx, variables)
		if err != nil {
			return nil, err
		}
		return celJSON(result)
	}), nil
}

func compileCEL(text string, names []string) (cel.Program, error) {
	options := []cel.EnvOption{ext.Strings(), ext.Math(), ext.Lists(), ext.Sets(), ext.Encoders(), cel.OptionalTypes()}
	for _, name := range names {
		options = append(options, cel.Variable(name, cel.DynType))
	}
	environment, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	checked, issues := environment.Compile(text)
	if issues != nil && issues.Err() != nil {
		return nil, issues.Err()
	}
	return environment.Program(checked, cel.CostLimit(celCost), cel.InterruptCheckFrequency(100))
}

func celJSON(result ref.Val) (any, error) {
	found, err := result.ConvertToNative(types.JSONValueType)
	if err != nil {
		return nil, userError("the result is no JSON: %s", err)
	}
	message, ok := found.(proto.Message)
	if !ok {
		return nil, userError("the result is no JSON: a %T", found)
	}
	body, err := protojson.Marshal(message)
	if err != nil {
		return nil, err
	}
	var plain value
	err = plain.UnmarshalJSON(body)
	return plain, err
}

// substitute replaces ${name} and its forms, as Flux does after a build.
func substitute(_ context.Context, in struct {
	Texts     []string          `json:"texts"`
	Variables map[string]string `json:"variables"`
	Strict    bool              `json:"strict"`
}) (any, error) {
	results := make([]string, 0, len(in.Texts))
	for _, text := range in.Texts {
		done, err := envsubst.Eval(text, func(name string) (string, bool) {
			found, ok := in.Variables[name]
			return found, ok || !in.Strict
		})
		if err != nil {
			return nil, err
		}
		results = append(results, done)
	}
	return results, nil
}

// jsonEdit sets values at paths of a JSON text, whose other bytes stay as they are.
func jsonEdit(_ context.Context, in struct {
	Text string           `json:"text"`
	Set  map[string]value `json:"set"`
}) (any, error) {
	text := in.Text
	paths := make([]string, 0, len(in.Set))
	for path := range in.Set {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		edited, err := sjson.Set(text, path, in.Set[path].any)
		if err != nil {
			return nil, userError("%s: %s", path, err)
		}
		text = edited
	}
	return text, nil
}
