package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"regexp"
	"strings"
	"sync"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/gosimple/slug"
	"github.com/valyala/fasttemplate"
	"sigs.k8s.io/yaml"
)

// maxRendered bounds the text that one template may write, and what its functions may build up.
const maxRendered = 16 << 20

type templateItem struct {
	Text    string   `json:"text"`
	Values  value    `json:"values"`
	Options []string `json:"options"`
	Plain   bool     `json:"plain"`
}

// templates renders as an ApplicationSet does.
type templates struct {
	base   *template.Template
	parsed *compiled[*template.Template]
}

func newTemplates() *templates {
	return &templates{template.New("").Funcs(templateFunctions()), newCompiled[*template.Template](2000)}
}

func (t *templates) render(ctx context.Context, in struct {
	Items []templateItem `json:"items"`
}) (any, error) {
	return each(ctx, in.Items, func(ctx context.Context, item templateItem) (any, error) {
		if item.Plain {
			return plainTemplate(item)
		}
		return t.one(ctx, item)
	}), nil
}

func (t *templates) one(ctx context.Context, item templateItem) (any, error) {
	parsed, err := t.parsed.get(strings.Join(item.Options, ",")+"\x00"+item.Text, func() (*template.Template, error) {
		return t.parse(item)
	})
	if err != nil {
		return nil, err
	}
	out := bounded{ctx: ctx}
	if err := parsed.Execute(&out, item.Values.any); err != nil {
		return nil, templateError(err)
	}
	return out.String(), nil
}

func (t *templates) parse(item templateItem) (parsed *template.Template, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			parsed, err = nil, userError("%v", problem) // An unknown option panics.
		}
	}()
	cloned, err := t.base.Clone()
	if err != nil {
		return nil, err
	}
	parsed, err = cloned.Option(item.Options...).Parse(item.Text)
	return parsed, templateError(err)
}

// templateError drops the name that a template does not have; lines and columns stay.
func templateError(err error) error {
	if err == nil {
		return nil
	}
	return userError("%s", strings.Replace(err.Error(), "template: :", "line ", 1))
}

// bounded is a writer that stops a template which writes too much, or for too long.
type bounded struct {
	bytes.Buffer
	ctx context.Context
}

func (b *bounded) Write(text []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.Len()+len(text) > maxRendered {
		return 0, refused("output", "writes more than %d bytes", maxRendered)
	}
	return b.Buffer.Write(text)
}

// plainTemplate is the engine without functions: names between double braces, unknown ones stay as they are.
func plainTemplate(item templateItem) (any, error) {
	if !strings.Contains(item.Text, "{{") {
		return item.Text, nil
	}
	values, _ := item.Values.any.(map[string]any)
	parsed, err := fasttemplate.NewTemplate(item.Text, "{{", "}}")
	if err != nil {
		return nil, userError("%s", err)
	}
	return parsed.ExecuteFuncString(func(to io.Writer, tag string) (int, error) {
		found, ok := values[strings.TrimSpace(tag)].(string)
		if !ok || strings.TrimSpace(tag) == "" {
			found = "{{" + tag + "}}"
		}
		return to.Write([]byte(found))
	}), nil
}

// templateFunctions are sprig's less those that look at the machine, plus those of ApplicationSets. Those that build
// something large from a small number are bounded.
func templateFunctions() template.FuncMap {
	functions := maps.Clone(sprig.GenericFuncMap())
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	maps.Copy(functions, template.FuncMap{
		"normalize":     normalizeName,
		"slugify":       slugify,
		"toYaml":        toYAMLText,
		"fromYaml":      fromYAMLText[map[string]any],
		"fromYamlArray": fromYAMLText[[]any],
		"repeat":        repeat,
		"until":         until,
		"untilStep":     untilStep,
		"seq":           boundedSeq(functions["seq"].(func(...int) string)),
		"randBytes":     boundedCount(functions["randBytes"].(func(int) (string, error))),
	})
	for _, name := range []string{"indent", "nindent"} {
		indent := functions[name].(func(int, string) string)
		functions[name] = func(spaces int, text string) (string, error) {
			if err := small(spaces * (strings.Count(text, "\n") + 1)); err != nil {
				return "", err
			}
			return indent(spaces, text), nil
		}
	}
	for _, name := range []string{"randAlphaNum", "randAlpha", "randAscii", "randNumeric"} {
		random := functions[name].(func(int) string)
		functions[name] = boundedCount(func(count int) (string, error) { return random(count), nil })
	}
	return functions
}

func small(size int) error {
	if size < 0 || size > maxRendered {
		return refused("output", "%d is more than a template may build up", size)
	}
	return nil
}

func boundedCount(call func(int) (string, error)) func(int) (string, error) {
	return func(count int) (string, error) {
		if err := small(count); err != nil {
			return "", err
		}
		return call(count)
	}
}

func boundedSeq(call func(...int) string) func(...int) (string, error) {
	return func(parameters ...int) (string, error) {
		for _, parameter := range parameters {
			if err := small(max(parameter, -parameter) * 8); err != nil {
				return "", err
			}
		}
		return call(parameters...), nil
	}
}

func repeat(count int, text string) (string, error) {
	if err := small(count * max(len(text), 1)); err != nil {
		return "", err
	}
	return strings.Repeat(text, count), nil
}

func until(count int) ([]int, error) {
	step := 1
	if count < 0 {
		step = -1
	}
	return untilStep(0, count, step)
}

func untilStep(start, stop, step int) ([]int, error) {
	numbers := []int{}
	if step == 0 || (stop < start && step > 0) || (stop > start && step < 0) {
		return numbers, nil
	}
	if err := small((stop - start) / step * 8); err != nil {
		return nil, err
	}
	for number := start; (step > 0 && number < stop) || (step < 0 && number > stop); number += step {
		numbers = append(numbers, number)
	}
	return numbers, nil
}

var notInNames = regexp.MustCompile("[^-a-z0-9.]")

// normalizeName makes a valid DNS name: lower case letters, digits, - and ., at most 253, no - or . at either end.
func normalizeName(name string) string {
	name = notInNames.ReplaceAllString(strings.ToLower(name), "-")
	return strings.Trim(name[:min(len(name), 253)], "-.")
}

var slugLock sync.Mutex

// slugify takes a name, optionally after the greatest length and whether to cut between words only.
func slugify(arguments ...any) (string, error) {
	size, smart := 50, true
	var fits [3]bool
	if len(arguments) == 0 || len(arguments) > 3 {
		return "", userError("slugify takes [length [smart]] name")
	}
	name, isName := arguments[len(arguments)-1].(string)
	fits[2] = isName
	fits[0], fits[1] = true, true
	if len(arguments) > 1 {
		size, fits[0] = arguments[0].(int)
	}
	if len(arguments) > 2 {
		smart, fits[1] = arguments[1].(bool)
	}
	if !fits[0] || !fits[1] || !fits[2] {
		return "", userError("slugify takes [length [smart]] name")
	}
	slugLock.Lock() // The library's settings are global.
	defer slugLock.Unlock()
	slug.MaxLength, slug.EnableSmartTruncate = size, smart
	return slug.Make(normalizeName(name)), nil
}

func toYAMLText(from any) (string, error) {
	text, err := yaml.Marshal(from)
	return strings.TrimSuffix(string(text), "\n"), err
}

func fromYAMLText[T any](text string) (T, error) {
	var found T
	err := yaml.Unmarshal([]byte(text), &found)
	return found, err
}
