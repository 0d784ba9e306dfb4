package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/itchyny/gojq"
)

// jqTime is how long one expression may run (spec/cluster §3.3).
const jqTime = time.Second

type jqItem struct {
	Text  string          `json:"text"`
	Value json.RawMessage `json:"value"`
}

// jq evaluates expressions that give exactly one value. They see no environment, no files and no modules.
type jq struct{ programs *compiled[*gojq.Code] }

func (j *jq) apply(ctx context.Context, in struct {
	Items []jqItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, j.one), nil
}

func (j *jq) one(ctx context.Context, item jqItem) (any, error) {
	program, err := j.programs.get(item.Text, func() (*gojq.Code, error) {
		query, err := gojq.Parse(item.Text)
		if err != nil {
			return nil, err
		}
		return gojq.Compile(query)
	})
	if err != nil {
		return nil, userError("%q is no jq expression: %s", item.Text, err)
	}
	var input value
	if err := input.UnmarshalJSON(item.Value); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(ctx, jqTime)
	defer cancel()
	found, err := onlyValue(program.RunWithContext(limited, ints(input.any)))
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return nil, userError("%q took longer than %s", item.Text, jqTime)
	}
	if err != nil {
		return nil, userError("%q: %s", item.Text, err)
	}
	body, err := encode(found)
	if err == nil && tooDeep(body) {
		return nil, refused("depth", "the result nests deeper than %d levels", maxDepth)
	}
	return raw(body), err
}

func onlyValue(results gojq.Iter) (any, error) {
	found, ok := results.Next()
	if !ok {
		return nil, userError("gives no value")
	}
	if err, failed := found.(error); failed {
		return nil, err
	}
	if second, more := results.Next(); more {
		if err, failed := second.(error); failed {
			return nil, err
		}
		return nil, userError("gives more than one value")
	}
	return found, nil
}

// ints turns the 64 bit integers of Kubernetes' reader into the plain ones that other libraries know.
func ints(from any) any {
	switch known := from.(type) {
	case int64:
		return int(known)
	case map[string]any:
		for key, inner := range known {
			known[key] = ints(inner)
		}
	case []any:
		for i, inner := range known {
			known[i] = ints(inner)
		}
	}
	return from
}
