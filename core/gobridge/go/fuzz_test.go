package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/itchyny/gojq"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"
)

// Each parser is fuzzed for what must hold whatever it reads: no panic, and its own invariants. `go test` runs the
// seeds; `go test -fuzz NAME` searches.

func FuzzYAML(f *testing.F) {
	for _, seed := range []string{
		"a: 1\n---\nb: [x, {y: 012}]\n", "--- # c\n", "a: &a [*a]", "<<: {a: 1}\na: 2", "{\"a\":1}", "? [a]\n: b",
		"apiVersion: v1\nkind: List\nitems: [{a: 1}]", "a: !!binary aGk=", "\ufeffa: b", "%YAML 1.1\n---\na: b", "a:\r\n  b\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		strict, err := readDocuments(text, false, false)
		if err != nil {
			return
		}
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, one := range strict {
			if !json.Valid(one.value) || one.line < 1 || one.line > lines {
				t.Fatalf("line %d of %d: %s", one.line, lines, one.value)
			}
		}
		loose, err := readDocuments(text, true, false)
		if err != nil || len(loose) != len(strict) {
			t.Fatalf("what the strict reader takes, the loose one must take: %v", err)
		}
		_, _ = readDocuments(text, false, true)
	})
}

func FuzzOneDocumentIsUpstreams(f *testing.F) {
	f.Add("a: 012\nb: yes\nc: 1e3\nd: 12:30")
	f.Add("x: [1, 0x1f, 0b1, .5, ~]")
	f.Fuzz(func(t *testing.T, text string) {
		found, err := readDocuments([]byte(text), true, false)
		if err != nil || len(found) != 1 || bytes.Contains([]byte(text), []byte("---")) {
			return
		}
		if trimmed := bytes.TrimSpace([]byte(text)); trimmed[0] == '{' || trimmed[0] == '[' {
			return // JSON goes to the JSON reader, which keeps its order of keys.
		}
		wanted, err := yaml.YAMLToJSON([]byte(text))
		if err != nil || !bytes.Equal(wanted, found[0].value) {
			t.Fatalf("upstream reads %s (%v), we read %s", wanted, err, found[0].value)
		}
	})
}

func FuzzProjection(f *testing.F) {
	f.Add(`{"apiVersion":"v1","kind":"Secret","data":{"a":null},"stringData":{"b":"c"}}`, `{"a":[1,{"b":2}]}`)
	f.Add(`{"a":{"b":[1,2,{"c":null}]},"d":1.5}`, `{"a":{"b":[1,2,{"c":0}],"x":1},"d":1.50}`)
	f.Fuzz(func(t *testing.T, first, second string) {
		desired, live, err := fieldPair{Desired: []byte(first), Live: []byte(second)}.objects()
		if err != nil {
			return
		}
		kind := typeOf{types: typed.DeducedParseableType.Schema, ref: typed.DeducedParseableType.TypeRef}
		if _, differing := kind.cut(desired, desired); len(differing) > 0 {
			t.Fatalf("an object differs from itself: %v", differing)
		}
		cut, differing := kind.cut(desired, live)
		if again, more := kind.cut(desired, cut.(map[string]any)); len(differing) == 0 && len(more) > 0 {
			t.Fatalf("a projection of an equal object differs: %v, %v", more, again)
		}
		if _, err := ownedExtra(kind, "m", desired, live); err != nil && asFailure(err).Kind != "user" {
			t.Fatal(err)
		}
	})
}

func FuzzManagedFields(f *testing.F) {
	f.Add(`{"f:spec":{"f:list":{"k:{\"a\":1}":{".":{}},"v:\"x\"":{},"i:0":{}}}}`)
	f.Fuzz(func(t *testing.T, fields string) {
		if !json.Valid([]byte(fields)) {
			return
		}
		live := `{"metadata":{"managedFields":[{"manager":"m","operation":"Apply","fieldsV1":` + fields + `}]}}`
		desired, object, err := fieldPair{Desired: []byte(`{"spec":{"list":[{"a":1},"x"]}}`), Live: []byte(live)}.objects()
		if err != nil {
			return
		}
		kind := typeOf{types: typed.DeducedParseableType.Schema, ref: typed.DeducedParseableType.TypeRef}
		_, _ = ownedExtra(kind, "m", desired, object)
	})
}

func FuzzTemplate(f *testing.F) {
	engine := newTemplates()
	for _, seed := range []string{"{{ .a }}", "{{ range until 3 }}{{ . }}{{ end }}", "{{ slugify 3 true .a }}", "{{", "{{ toYaml . }}"} {
		f.Add(seed, true)
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, plain bool) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		item := templateItem{Text: text, Values: value{map[string]any{"a": "x"}}, Plain: plain}
		if plain {
			_, _ = plainTemplate(item)
			return
		}
		_, _ = engine.one(ctx, item)
	})
}

func FuzzJQ(f *testing.F) {
	engine := &jq{newCompiled[*gojq.Code](100)}
	f.Add("del(.a)")
	f.Add("[.[] | select(.x)]")
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = engine.one(context.Background(), jqItem{Text: text, Value: []byte(`{"a":[1,{"x":null}]}`)})
	})
}

func FuzzLua(f *testing.F) {
	engine := newScripts()
	f.Add("hs = {} hs.status = 'Healthy' return hs", true)
	f.Add("for i = 1, 10 do obj.a = i end return {message = 'x'}", false)
	f.Fuzz(func(t *testing.T, script string, open bool) {
		_, _ = engine.one(context.Background(), luaItem{Script: script, Object: []byte(`{"a":{"b":[1]}}`), Open: open})
	})
}

func FuzzImage(f *testing.F) {
	for _, seed := range []string{"a:1", "a=b:1@sha256:x", "a@b", "=:", "a=*", "reg:5000/a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if image, err := parseImage(text); err == nil && image.Name == "" {
			t.Fatalf("%q gives an image without a name", text)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"a/b", "../a", "/a", "a/../..", ".", "", "a//b", "a\x00b", "./a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := inside(name)
		if err != nil {
			return
		}
		if len(clean) > 0 && (clean[0] == '/' || clean == ".." || bytes.HasPrefix([]byte(clean), []byte("../"))) {
			t.Fatalf("%q leaves the root as %q", name, clean)
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x02\x00\x00\x00\x02{}{}"))
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, frames []byte) {
		var out bytes.Buffer
		with := limits{input: 1 << 16, output: 1 << 16, parallel: 4}
		running := newServer(map[string]handler{}, with, bufio.NewWriter(&out))
		_ = running.serve(bufio.NewReader(bytes.NewReader(frames)))
		running.running.Wait()
	})
}
