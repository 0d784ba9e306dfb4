package main

import (
	"context"
	"encoding/json"
	"errors"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/jsonmergepatch"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/kubernetes/scheme"
)

type patchItem struct {
	Kind     string          `json:"kind"`
	Original json.RawMessage `json:"original"`
	Patch    json.RawMessage `json:"patch"`
	Last     json.RawMessage `json:"last"`
}

// patchApply applies patches of four kinds, with the libraries and the built-in kinds' rules of the API server.
func patchApply(ctx context.Context, in struct {
	Items []patchItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, func(_ context.Context, item patchItem) (any, error) {
		if tooDeep(item.Original) || tooDeep(item.Patch) {
			return nil, refused("depth", "nested deeper than %d levels", maxDepth)
		}
		body, err := item.apply()
		return raw(body), err
	}), nil
}

func (item patchItem) apply() ([]byte, error) {
	switch item.Kind {
	case "json":
		patch, err := jsonpatch.DecodePatch(item.Patch)
		if err != nil {
			return nil, userError("no JSON patch: %s", err)
		}
		return patch.Apply(item.Original)
	case "merge":
		return jsonpatch.MergePatch(item.Original, item.Patch)
	case "strategic":
		return item.strategic()
	case "three-way":
		return item.threeWay()
	}
	return nil, userError("no kind of patch: %q", item.Kind)
}

func (item patchItem) strategic() ([]byte, error) {
	meta, _, err := patchMeta(item.Original)
	if err != nil {
		return nil, err
	}
	original, patch, err := asMaps(item.Original, item.Patch)
	if err != nil {
		return nil, err
	}
	merged, err := strategicpatch.StrategicMergeMapPatchUsingLookupPatchMeta(original, patch, meta)
	if err != nil {
		return nil, err
	}
	return encode(map[string]any(merged))
}

// threeWay gives what `kubectl apply` would leave: what the last applied object had and the new one lacks is removed.
func (item patchItem) threeWay() ([]byte, error) {
	meta, builtIn, err := patchMeta(item.Original)
	if err != nil {
		return nil, err
	}
	if !builtIn {
		patch, err := jsonmergepatch.CreateThreeWayJSONMergePatch(item.Last, item.Patch, item.Original)
		if err != nil {
			return nil, err
		}
		return jsonpatch.MergePatch(item.Original, patch)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(item.Last, item.Patch, item.Original, meta, true)
	if err != nil {
		return nil, err
	}
	item.Patch = patch
	return item.strategic()
}

// patchMeta finds how the lists of a kind are merged: by the struct tags of a built-in kind. Of other kinds only the
// metadata is known; their lists are replaced, as Argo CD does to the Application of a templatePatch.
func patchMeta(object json.RawMessage) (meta strategicpatch.LookupPatchMeta, builtIn bool, err error) {
	var named struct{ APIVersion, Kind string }
	if err := json.Unmarshal(object, &named); err != nil {
		return nil, false, err
	}
	group, err := schema.ParseGroupVersion(named.APIVersion)
	if err != nil {
		return nil, false, err
	}
	typed, err := scheme.Scheme.New(group.WithKind(named.Kind))
	if err != nil {
		return customPatchMeta{}, false, nil
	}
	known, err := strategicpatch.NewPatchMetaFromStruct(typed)
	return known, true, err
}

// customPatchMeta knows no schema but that of the metadata.
type customPatchMeta struct {
	strategicpatch.PatchMetaFromOpenAPI
}

func (c customPatchMeta) LookupPatchMetadataForStruct(
	name string,
) (strategicpatch.LookupPatchMeta, strategicpatch.PatchMeta, error) {
	if name == "metadata" {
		meta, err := strategicpatch.NewPatchMetaFromStruct(metav1.ObjectMeta{})
		return meta, strategicpatch.PatchMeta{}, err
	}
	return c.PatchMetaFromOpenAPI.LookupPatchMetadataForStruct(name)
}

func asMaps(one, other json.RawMessage) (first, second map[string]any, err error) {
	var left, right value
	if err := errors.Join(left.UnmarshalJSON(one), right.UnmarshalJSON(other)); err != nil {
		return nil, nil, err
	}
	first, ok := left.any.(map[string]any)
	second, fits := right.any.(map[string]any)
	if !ok || !fits {
		return nil, nil, userError("a patch and what it patches are objects")
	}
	return first, second, nil
}
