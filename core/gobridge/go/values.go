package main

import (
	"bytes"
	"encoding/json"
	"strings"

	kjson "sigs.k8s.io/json"
)

// maxDepth bounds the nesting of every value: deeper ones are not manifests, and readers on the other side refuse them.
const maxDepth = 400

// value is any JSON, read as Kubernetes does: whole numbers stay integers.
type value struct{ any }

func (v *value) UnmarshalJSON(text []byte) error {
	return kjson.UnmarshalCaseSensitivePreserveInts(text, &v.any)
}

func (v value) MarshalJSON() ([]byte, error) { return encode(v.any) }

// raw is JSON that is already written; it is passed on without a second look.
type raw []byte

// writer is a result that writes its own JSON, because it is mostly made of such.
type writer interface{ appendJSON(to []byte) []byte }

func (r raw) appendJSON(to []byte) []byte { return append(to, r...) }

// encode writes JSON without escaping HTML, keys sorted: equal values give equal bytes.
func encode(what any) ([]byte, error) {
	switch known := what.(type) {
	case nil:
		return []byte("null"), nil
	case raw:
		return known, nil
	case writer:
		return known.appendJSON(nil), nil
	}
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(what); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte("\n")), nil
}

// tooDeep says whether JSON text nests deeper than allowed, without building anything.
func tooDeep(text []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// strictly reads options and refuses unknown names: one that does nothing is worse than an error.
func strictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return userError("%s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
