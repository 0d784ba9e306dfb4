package main

import (
	"encoding/json"
	"reflect"
	"sort"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/schema"
)

// projector cuts a live value down to the fields of the desired one and notes where the two differ. It never calls
// equal what an apply would change; where it cannot know, it says "differs".
type projector struct {
	types     *schema.Schema
	builtIn   bool
	differing []string
}

func (p *projector) differs(path string) {
	if path == "" {
		path = "."
	}
	p.differing = append(p.differing, path)
}

// walk returns the part of `live` that `desired` speaks of. Both are of the type `ref`.
func (p *projector) walk(ref schema.TypeRef, desired, live any, path string) any {
	atom, _ := p.types.Resolve(ref)
	switch want := desired.(type) {
	case map[string]any:
		have, fits := live.(map[string]any)
		if fits && !isAtomicMap(atom.Map) {
			return p.fields(atom.Map, want, have, path)
		}
	case []any:
		have, fits := live.([]any)
		if fits && atom.List != nil && atom.List.ElementRelationship == schema.Associative {
			return p.items(atom.List, want, have, path)
		}
	}
	if !p.same(ref, desired, live) {
		p.differs(path)
	}
	return live
}

func isAtomicMap(kind *schema.Map) bool {
	return kind != nil && kind.ElementRelationship == schema.Atomic
}

func (p *projector) fields(kind *schema.Map, want, have map[string]any, path string) any {
	cut := make(map[string]any, len(want))
	for _, name := range sortedKeys(want) {
		ref := fieldType(kind, name)
		live, found := have[name]
		if !found {
			if !p.means(ref, want[name]) {
				p.differs(path + "." + name)
			}
			continue
		}
		cut[name] = p.walk(ref, want[name], live, path+"."+name)
	}
	return cut
}

func fieldType(kind *schema.Map, name string) schema.TypeRef {
	if kind == nil {
		return schema.TypeRef{}
	}
	if field, found := kind.FindField(name); found {
		return field.Type
	}
	return kind.ElementType
}

// means says whether a value means the same as its absence: null always; for built-in kinds, whose Go structs leave
// them out, also empty lists and empty maps (but not empty structs: `emptyDir: {}` says something).
func (p *projector) means(ref schema.TypeRef, value any) bool {
	switch known := value.(type) {
	case nil:
		return true
	case []any:
		return p.builtIn && len(known) == 0
	case map[string]any:
		if !p.builtIn || len(known) > 0 {
			return false
		}
		atom, found := p.types.Resolve(ref)
		return found && atom.Map != nil && len(atom.Map.Fields) == 0 && atom.Scalar == nil
	}
	return false
}

// items matches the items of a keyed list, or of a set, whatever their place; an order that an apply would change is a
// difference.
func (p *projector) items(kind *schema.List, want, have []any, path string) any {
	places := make(map[string]int, len(have))
	for i, item := range have {
		places[p.identity(kind, item)] = i
	}
	cut := make([]any, len(have))
	taken := make([]bool, len(have))
	last, ordered := -1, true
	for _, item := range want {
		name := p.identity(kind, item)
		place, found := places[name]
		if !found || taken[place] {
			p.differs(path + name)
			continue
		}
		taken[place], ordered, last = true, ordered && place > last, place
		cut[place] = p.walk(kind.ElementType, item, have[place], path+name)
	}
	if !ordered {
		p.differs(path)
	}
	kept := make([]any, 0, len(want))
	for i, item := range cut {
		if taken[i] {
			kept = append(kept, item)
		}
	}
	return kept
}

// identity is the path element of a list item: [name="web"], [containerPort=80,protocol="TCP"], [="a"].
func (p *projector) identity(kind *schema.List, item any) string {
	fields, ok := item.(map[string]any)
	if !ok || len(kind.Keys) == 0 {
		return "[=" + text(item) + "]"
	}
	element, _ := p.types.Resolve(kind.ElementType)
	var name strings.Builder
	for i, key := range kind.Keys {
		value, found := fields[key]
		if !found && element.Map != nil {
			if field, known := element.Map.FindField(key); known {
				value = field.Default
			}
		}
		name.WriteString([]string{"[", ","}[min(i, 1)] + key + "=" + text(value))
	}
	return name.String() + "]"
}

func text(value any) string {
	switch known := value.(type) {
	case string:
		if !strings.ContainsAny(known, "\"\\\n") {
			return `"` + known + `"`
		}
	case float64:
		if whole := int64(known); float64(whole) == known {
			return text(whole)
		}
	}
	body, _ := json.Marshal(value)
	return string(body)
}

// same compares whole values of one type: what an apply replaces as one piece.
func (p *projector) same(ref schema.TypeRef, desired, live any) bool {
	if ref.NamedType != nil {
		if equal, known := sameNamed(*ref.NamedType, desired, live); known {
			return equal
		}
	}
	switch want := desired.(type) {
	case nil:
		return p.means(ref, live)
	case map[string]any:
		have, fits := live.(map[string]any)
		return (fits && p.sameFields(ref, want, have)) || (live == nil && p.means(ref, desired))
	case []any:
		have, fits := live.([]any)
		return (fits && p.sameItems(ref, want, have)) || (live == nil && p.means(ref, desired))
	}
	return sameScalar(desired, live)
}

func (p *projector) sameItems(ref schema.TypeRef, want, have []any) bool {
	if len(want) != len(have) {
		return false
	}
	atom, _ := p.types.Resolve(ref)
	var element schema.TypeRef
	if atom.List != nil {
		element = atom.List.ElementType
	}
	for i := range want {
		if !p.same(element, want[i], have[i]) {
			return false
		}
	}
	return true
}

// sameFields compares structs that are replaced whole. What only the live one has must be what the server puts there.
func (p *projector) sameFields(ref schema.TypeRef, want, have map[string]any) bool {
	atom, _ := p.types.Resolve(ref)
	for name, value := range want {
		live, found := have[name]
		if found && !p.same(fieldType(atom.Map, name), value, live) {
			return false
		}
		if !found && !p.means(fieldType(atom.Map, name), value) {
			return false
		}
	}
	for name, live := range have {
		if _, found := want[name]; found || live == nil || p.means(fieldType(atom.Map, name), live) {
			continue
		}
		if !p.isDefault(ref, atom.Map, name, want, live) {
			return false
		}
	}
	return true
}

func (p *projector) isDefault(ref schema.TypeRef, kind *schema.Map, name string, want map[string]any, live any) bool {
	if kind != nil {
		if field, found := kind.FindField(name); found && field.Default != nil && sameScalarOrDeep(field.Default, live) {
			return true
		}
	}
	if ref.NamedType == nil || !p.builtIn {
		return false
	}
	expected, known := serverDefault(*ref.NamedType, name, want)
	return known && sameScalarOrDeep(expected, live)
}

func sameScalarOrDeep(one, other any) bool {
	return sameScalar(one, other) || reflect.DeepEqual(one, other)
}

func sortedKeys(of map[string]any) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}
