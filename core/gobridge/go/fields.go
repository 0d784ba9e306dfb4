package main

import (
	"bytes"
	"context"
	"encoding/json"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	smdvalue "sigs.k8s.io/structured-merge-diff/v6/value"
)

type fieldPair struct {
	Desired json.RawMessage `json:"desired"`
	Live    json.RawMessage `json:"live"`
}

type fieldsInput struct {
	Schema  string      `json:"schema"`
	Manager string      `json:"manager"`
	Pairs   []fieldPair `json:"pairs"`
}

// projection is a live object cut down to the fields of the desired one, and where the two differ.
type projection struct {
	Equal     bool     `json:"equal"`
	Live      any      `json:"live"`
	Differing []string `json:"differing"`
	Extra     []string `json:"extra"`
}

// project compares pairs of desired and live objects; with a manager it also finds what that one owns and desired no
// longer has.
func (s *schemas) project(ctx context.Context, in fieldsInput) (any, error) {
	return each(ctx, in.Pairs, func(_ context.Context, pair fieldPair) (any, error) {
		desired, live, err := pair.objects()
		if err != nil {
			return nil, err
		}
		kind := s.typeFor(in.Schema, desired)
		result := projection{Differing: []string{}, Extra: []string{}}
		if in.Manager != "" {
			if result.Extra, err = ownedExtra(kind, in.Manager, desired, live); err != nil {
				return nil, err
			}
		}
		wanted := comparable(desired)
		result.Live, result.Differing = kind.cut(wanted, live)
		if len(result.Differing) > 0 && kind.builtIn {
			result.Live, result.Differing = kind.cut(withoutDropped(wanted), live)
		}
		result.Equal = len(result.Differing) == 0
		return result, nil
	}), nil
}

func (t typeOf) cut(desired, live map[string]any) (any, []string) {
	walker := projector{types: t.types, builtIn: t.builtIn, differing: []string{}}
	return walker.walk(t.ref, desired, live, ""), walker.differing
}

// ownedExtra lists, for pairs of desired and live objects, the paths that a manager applied and desired no longer has.
func (s *schemas) ownedExtra(ctx context.Context, in fieldsInput) (any, error) {
	return each(ctx, in.Pairs, func(_ context.Context, pair fieldPair) (any, error) {
		desired, live, err := pair.objects()
		if err != nil {
			return nil, err
		}
		return ownedExtra(s.typeFor(in.Schema, desired), in.Manager, desired, live)
	}), nil
}

func (s *schemas) typeFor(id string, object map[string]any) typeOf {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	return s.find(id, apiVersion, kind)
}

func (pair fieldPair) objects() (desired, live map[string]any, err error) {
	var one, other value
	if err := one.UnmarshalJSON(pair.Desired); err != nil {
		return nil, nil, err
	}
	if err := other.UnmarshalJSON(pair.Live); err != nil {
		return nil, nil, err
	}
	desired, first := one.any.(map[string]any)
	live, second := other.any.(map[string]any)
	if !first || !second {
		return nil, nil, userError("a manifest is an object")
	}
	return desired, live, nil
}

func ownedExtra(kind typeOf, manager string, desired, live map[string]any) ([]string, error) {
	owned, err := appliedBy(manager, live)
	if err != nil {
		return nil, err
	}
	extra := []string{}
	desired = comparable(desired)
	owned.Iterate(func(path fieldpath.Path) {
		if !kind.holds(desired, path) {
			extra = append(extra, path.String())
		}
	})
	return extra, nil
}

// appliedBy gives the fields that a manager owns by server-side apply, subresources apart.
func appliedBy(manager string, live map[string]any) (*fieldpath.Set, error) {
	owned := fieldpath.NewSet()
	metadata, _ := live["metadata"].(map[string]any)
	entries, _ := metadata["managedFields"].([]any)
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		if fields["manager"] != manager || fields["operation"] != "Apply" {
			continue
		}
		if sub, _ := fields["subresource"].(string); sub != "" {
			continue
		}
		body, err := json.Marshal(fields["fieldsV1"])
		if err != nil {
			return nil, err
		}
		var set fieldpath.Set
		if err := set.FromJSON(bytes.NewReader(body)); err != nil {
			return nil, userError("the managed fields of %s cannot be read: %s", manager, err)
		}
		owned = owned.Union(&set)
	}
	return owned, nil
}

// holds says whether an object has something at a path of managed fields.
func (t typeOf) holds(object any, path fieldpath.Path) bool {
	ref := t.ref
	for _, element := range path {
		atom, _ := t.types.Resolve(ref)
		switch {
		case element.FieldName != nil:
			fields, ok := object.(map[string]any)
			next, found := fields[*element.FieldName]
			if !ok || !found {
				return false
			}
			object, ref = next, fieldType(atom.Map, *element.FieldName)
		case element.Key != nil:
			item, found := t.itemByKey(atom.List, object, *element.Key)
			if !found {
				return false
			}
			object, ref = item, elementType(atom.List)
		case element.Value != nil:
			return holdsValue(object, *element.Value)
		case element.Index != nil:
			items, ok := object.([]any)
			if !ok || *element.Index >= len(items) {
				return false
			}
			object, ref = items[*element.Index], elementType(atom.List)
		}
	}
	return true
}

func elementType(kind *schema.List) schema.TypeRef {
	if kind == nil {
		return schema.TypeRef{}
	}
	return kind.ElementType
}

// itemByKey finds the list item with these keys; a key that the item leaves out has the schema's default.
func (t typeOf) itemByKey(kind *schema.List, list any, keys smdvalue.FieldList) (any, bool) {
	items, _ := list.([]any)
	element, _ := t.types.Resolve(elementType(kind))
	for _, item := range items {
		fields, ok := item.(map[string]any)
		if ok && hasKeys(element.Map, fields, keys) {
			return item, true
		}
	}
	return nil, false
}

func hasKeys(kind *schema.Map, fields map[string]any, keys smdvalue.FieldList) bool {
	for _, key := range keys {
		have, found := fields[key.Name]
		if !found && kind != nil {
			if field, known := kind.FindField(key.Name); known {
				have = field.Default
			}
		}
		if !sameScalar(key.Value.Unstructured(), have) {
			return false
		}
	}
	return true
}

func holdsValue(list any, wanted smdvalue.Value) bool {
	items, _ := list.([]any)
	for _, item := range items {
		if sameScalarOrDeep(wanted.Unstructured(), item) {
			return true
		}
	}
	return false
}
