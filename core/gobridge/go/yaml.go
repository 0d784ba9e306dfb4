package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	yamlv3 "go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// maxText bounds one YAML text; Argo CD allows 10 MB for a whole application.
const maxText = 32 << 20

type yamlText struct {
	Where string `json:"where"`
	Text  string `json:"text"`
}

// document is one YAML document as JSON; line is where it starts, counted from 1.
type document struct {
	line  int
	value raw
}

type documents []document

func (all documents) appendJSON(to []byte) []byte {
	to = append(to, '[')
	for i, one := range all {
		if i > 0 {
			to = append(to, ',')
		}
		to = strconv.AppendInt(append(to, `{"line":`...), int64(one.line), 10)
		to = append(append(append(to, `,"value":`...), one.value...), '}')
	}
	return append(to, ']')
}

// yamlDocuments reads many texts; one that is bad does not hurt the others.
func yamlDocuments(ctx context.Context, in struct {
	Texts  []yamlText `json:"texts"`
	Loose  bool       `json:"loose"`
	Expand bool       `json:"expand"`
}) (any, error) {
	return each(ctx, in.Texts, func(_ context.Context, text yamlText) (any, error) {
		found, err := readDocuments([]byte(text.Text), in.Loose, in.Expand)
		if err != nil {
			problem := asFailure(err)
			problem.Where = text.Where
			return nil, problem
		}
		return found, nil
	}), nil
}

func yamlDump(_ context.Context, in struct {
	Values []value `json:"values"`
}) (any, error) {
	texts := make([]string, 0, len(in.Values))
	for _, item := range in.Values {
		text, err := yaml.Marshal(item.any)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// readDocuments splits a text and reads each document as Kubernetes does. `loose` lets the last of duplicate keys win,
// as the readers of rendered charts do.
func readDocuments(text []byte, loose, expand bool) (documents, error) {
	if len(text) > maxText {
		return nil, refused("input", "the text of %d bytes is larger than the limit of %d", len(text), maxText)
	}
	parts, err := splitDocuments(text)
	if err != nil {
		return nil, err
	}
	found := make(documents, 0, len(parts))
	for _, part := range parts {
		body, err := toJSON(part.text, loose)
		if err != nil {
			return nil, atLine(err, part)
		}
		if bytes.Equal(body, []byte("null")) {
			continue
		}
		if found, err = appendExpanded(found, document{part.line, body}, expand); err != nil {
			return nil, atLine(err, part)
		}
	}
	return found, nil
}

type part struct {
	line int
	text []byte
}

// splitDocuments cuts at lines that begin with ---, after which only a comment may stand. A part's line is that of its
// first line that says something.
func splitDocuments(text []byte) ([]part, error) {
	var parts []part
	start, first, number := 0, 0, 0
	add := func(end int) {
		if first > 0 {
			parts = append(parts, part{first, text[start:end]})
		}
	}
	for offset := 0; offset < len(text); {
		line, next := text[offset:], len(text)
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			line, next = line[:end], offset+end+1
		}
		number++
		switch after, separates := bytes.CutPrefix(line, []byte("---")); {
		case separates:
			if rest := bytes.TrimSpace(after); len(rest) > 0 && rest[0] != '#' {
				return nil, &failure{Kind: "user", Line: number, Message: "only a comment may follow --- on its line"}
			}
			add(offset)
			start, first = next, 0
		case first == 0 && speaks(line):
			// Lines before it are cut off, so a message's line counts from here.
			start, first = offset, number
		}
		offset = next
	}
	add(len(text))
	return parts, nil
}

func speaks(line []byte) bool {
	trimmed := bytes.TrimSpace(line)
	return len(trimmed) > 0 && trimmed[0] != '#'
}

// toJSON reads one document. JSON itself is read by the JSON reader, which is what Kubernetes does.
func toJSON(text []byte, loose bool) ([]byte, error) {
	if body, ok := readJSON(text, loose); ok {
		return body, nil
	}
	convert := yaml.YAMLToJSONStrict
	if loose {
		convert = yaml.YAMLToJSON
	}
	body, err := convert(text)
	if err != nil && !loose && mergesOnly(text, err) {
		body, err = yaml.YAMLToJSON(text)
	}
	if err != nil {
		return nil, err
	}
	if tooDeep(body) {
		return nil, refused("depth", "nested deeper than %d levels", maxDepth)
	}
	return body, nil
}

func readJSON(text []byte, loose bool) ([]byte, bool) {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 || (trimmed[0] != '{' && trimmed[0] != '[') || tooDeep(trimmed) || !json.Valid(trimmed) {
		return nil, false
	}
	if !loose {
		var ignored any
		if strict, err := kjson.UnmarshalStrict(trimmed, &ignored); err != nil || len(strict) > 0 {
			return nil, false
		}
	}
	var compact bytes.Buffer
	if json.Compact(&compact, trimmed) != nil {
		return nil, false
	}
	return compact.Bytes(), true
}

// mergesOnly says whether the strict reader complained only because a key overrides one that `<<` merged in: that is
// what merging is for. The v3 reader knows the difference.
func mergesOnly(text []byte, err error) bool {
	if !strings.Contains(err.Error(), "already set in map") || !bytes.Contains(text, []byte("<<")) {
		return false
	}
	var ignored any
	return yamlv3.Unmarshal(text, &ignored) == nil
}

// expected begins the messages of the reader's parser, whose lines count from 0; those of its scanner count from 1. At the
// end of the text the parser names the line after the last, where nothing is to be seen.
const expected = "did not find expected"

var lineOf = regexp.MustCompile(`line (\d+): ?`)

// atLine turns the reader's error, whose lines count from the document's start, into one that counts from the file's.
func atLine(err error, at part) error {
	start := at.line
	var known *failure
	if errors.As(err, &known) {
		known.Line = max(known.Line, start)
		return known
	}
	message := strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	message = strings.TrimPrefix(message, "yaml: ")
	message = strings.TrimSpace(strings.TrimPrefix(message, "unmarshal errors:"))
	problem := &failure{Kind: "user", Line: start}
	if match := lineOf.FindStringSubmatch(message); match != nil {
		number, _ := strconv.Atoi(match[1])
		message = strings.Replace(message, match[0], "", 1)
		if strings.HasPrefix(message, expected) {
			last := 1 + bytes.Count(bytes.TrimRight(at.text, "\n \t\r"), []byte("\n"))
			number = min(number+1, max(number, last))
		}
		problem.Line = start + number - 1
	}
	message = lineOf.ReplaceAllStringFunc(message, func(found string) string {
		number, _ := strconv.Atoi(lineOf.FindStringSubmatch(found)[1])
		return fmt.Sprintf("line %d: ", start+number-1)
	})
	if strings.Contains(message, "already set in map") {
		message = "duplicate key: " + message
	}
	problem.Message = message
	return problem
}

// listOf is how a list of objects looks; its items may leave out what the list's own kind says.
type listOf struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Items      []json.RawMessage `json:"items"`
}

func appendExpanded(found documents, one document, expand bool) (documents, error) {
	if !expand || !bytes.Contains(one.value, []byte(`List"`)) || one.value[0] != '{' {
		return append(found, one), nil
	}
	var list listOf
	if json.Unmarshal(one.value, &list) != nil || list.APIVersion == "" || !strings.HasSuffix(list.Kind, "List") {
		return append(found, one), nil
	}
	for _, item := range list.Items {
		body, err := complete(item, list)
		if err != nil {
			return nil, err
		}
		if found, err = appendExpanded(found, document{one.line, raw(body)}, true); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// complete gives an item of a typed list (ConfigMapList) the kind and version it leaves out.
func complete(item json.RawMessage, list listOf) (json.RawMessage, error) {
	var object value
	if err := object.UnmarshalJSON(item); err != nil {
		return nil, err
	}
	fields, ok := object.any.(map[string]any)
	if !ok {
		return nil, userError("an item of a %s is not an object", list.Kind)
	}
	kind := strings.TrimSuffix(list.Kind, "List")
	if kind == "" || (fields["kind"] != nil && fields["apiVersion"] != nil) {
		return item, nil
	}
	if fields["kind"] == nil {
		fields["kind"] = kind
	}
	if fields["apiVersion"] == nil {
		fields["apiVersion"] = list.APIVersion
	}
	return encode(fields)
}
