package main

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// withoutDropped returns a built-in object less what its Go type does not keep (`paused: false`, `args: []`), because
// the API server never stores it. An object that does not fit its type stays as it is.
func withoutDropped(object map[string]any) map[string]any {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	group, err := schema.ParseGroupVersion(apiVersion)
	if err != nil {
		return object
	}
	typed, err := scheme.Scheme.New(group.WithKind(kind))
	if err != nil {
		return object
	}
	converter := runtime.DefaultUnstructuredConverter
	if err := converter.FromUnstructuredWithValidation(object, typed, true); err != nil {
		return object
	}
	kept, err := converter.ToUnstructured(typed)
	if err != nil {
		return object
	}
	pruned, _ := prune(object, kept).(map[string]any)
	return pruned
}

// prune drops the keys of `from` that `kept` does not have, at every level.
func prune(from, kept any) any {
	switch known := from.(type) {
	case map[string]any:
		other, ok := kept.(map[string]any)
		if !ok {
			return from
		}
		result := make(map[string]any, len(known))
		for key, value := range known {
			if survivor, found := other[key]; found {
				result[key] = prune(value, survivor)
			}
		}
		return result
	case []any:
		other, ok := kept.([]any)
		if !ok || len(other) != len(known) {
			return from
		}
		result := make([]any, len(known))
		for i, value := range known {
			result[i] = prune(value, other[i])
		}
		return result
	}
	return from
}
