package main

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"sort"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/strvals"
)

// helmOptions are the fields of an Argo CD source's `helm` block.
type helmOptions struct {
	ReleaseName             string          `json:"releaseName"`
	Namespace               string          `json:"namespace"`
	ValueFiles              []valueFile     `json:"valueFiles"`
	Values                  string          `json:"values"`
	ValuesObject            value           `json:"valuesObject"`
	Parameters              []helmParameter `json:"parameters"`
	FileParameters          []fileParameter `json:"fileParameters"`
	KubeVersion             string          `json:"kubeVersion"`
	APIVersions             []string        `json:"apiVersions"`
	SkipCrds                bool            `json:"skipCrds"`
	SkipTests               bool            `json:"skipTests"`
	SkipSchemaValidation    bool            `json:"skipSchemaValidation"`
	IgnoreMissingValueFiles bool            `json:"ignoreMissingValueFiles"`

	// Without a meaning here: there is no network to pass credentials to, and one version of Helm.
	PassCredentials bool   `json:"passCredentials"`
	Version         string `json:"version"`
}

// UnmarshalJSON refuses unknown names and fills in the command's defaults.
func (o *helmOptions) UnmarshalJSON(text []byte) error {
	type plain helmOptions
	if err := strictly(text, (*plain)(o)); err != nil {
		return err
	}
	if o.ReleaseName == "" {
		o.ReleaseName = "release-name"
	}
	if o.Namespace == "" {
		o.Namespace = "default"
	}
	return nil
}

type helmParameter struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ForceString bool   `json:"forceString"`
}

type fileParameter struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

// valueFile is a path in the tree, or a file that the caller brings: {"name": ..., "content": ...}.
type valueFile struct {
	Name    string  `json:"name"`
	Content *string `json:"content"`
}

func (v *valueFile) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &v.Name)
	}
	type plain valueFile
	return json.Unmarshal(text, (*plain)(v))
}

// merged gives the values in Helm's precedence: files in order, then values or valuesObject, then parameters, then
// string parameters, then file parameters.
func (o helmOptions) merged(files tree, at string) (map[string]any, error) {
	given, err := o.files(files, at)
	if err != nil {
		return nil, err
	}
	if own, err := o.own(); err != nil {
		return nil, err
	} else if own != "" {
		given = append(given, valueFile{Name: "values", Content: &own})
	}
	merged := map[string]any{}
	for _, file := range given {
		values, err := loader.LoadValues(strings.NewReader(*file.Content))
		if err != nil {
			return nil, &failure{Kind: "user", Message: err.Error(), Where: file.Name}
		}
		merged = loader.MergeMaps(merged, values)
	}
	return merged, o.set(merged, files, at)
}

// own is the values of the source itself; the object wins over the string.
func (o helmOptions) own() (string, error) {
	if o.ValuesObject.any == nil {
		return o.Values, nil
	}
	body, err := encode(o.ValuesObject.any)
	return string(body), err
}

func (o helmOptions) set(merged map[string]any, files tree, at string) error {
	for _, forced := range []bool{false, true} {
		parse := strvals.ParseInto
		if forced {
			parse = strvals.ParseIntoString
		}
		for _, parameter := range o.Parameters {
			if parameter.ForceString != forced {
				continue
			}
			if err := parse(parameter.Name+"="+escapeCommas(parameter.Value), merged); err != nil {
				return userError("parameter %s: %s", parameter.Name, err)
			}
		}
	}
	for _, parameter := range o.FileParameters {
		place, err := valuePath(at, parameter.Path)
		if err != nil {
			return err
		}
		body, found := files[place]
		if !found {
			return userError("file parameter %s: %s is not there", parameter.Name, place)
		}
		read := func([]rune) (any, error) { return string(body), nil }
		if err := strvals.ParseIntoFile(parameter.Name+"=file", merged, read); err != nil {
			return userError("file parameter %s: %s", parameter.Name, err)
		}
	}
	return nil
}

// escapeCommas keeps a value in one piece, unless it is a list in braces.
func escapeCommas(text string) string {
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") {
		return text
	}
	var escaped strings.Builder
	previous := rune(0)
	for _, letter := range text {
		if letter == ',' && previous != '\\' {
			escaped.WriteRune('\\')
		}
		escaped.WriteRune(letter)
		previous = letter
	}
	return escaped.String()
}

// valuePath resolves a path relative to the chart; one that begins with a slash is relative to the root of the tree.
func valuePath(at, name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return inside(strings.TrimLeft(name, "/"))
	}
	return inside(path.Join(at, name))
}

// files finds the value files, each once. A pattern gives its matches in order, less those that are named themselves.
func (o helmOptions) files(all tree, at string) ([]valueFile, error) {
	named, err := o.named(at)
	if err != nil {
		return nil, err
	}
	var found []valueFile
	add := func(name string, content string) {
		if !slices.ContainsFunc(found, func(have valueFile) bool { return have.Name == name }) {
			found = append(found, valueFile{name, &content})
		}
	}
	for _, file := range o.ValueFiles {
		if file.Content != nil {
			add(file.Name, *file.Content)
			continue
		}
		place, err := valuePath(at, file.Name)
		if err != nil {
			return nil, err
		}
		matches, err := matching(all, place, named)
		if err != nil {
			return nil, err
		}
		if len(matches) == 0 && !o.IgnoreMissingValueFiles {
			return nil, &failure{Kind: "user", Message: "the value file is not there", Where: file.Name}
		}
		for _, match := range matches {
			add(match, string(all[match]))
		}
	}
	return found, nil
}

// named gives the places of the value files that are no patterns.
func (o helmOptions) named(at string) (map[string]bool, error) {
	named := map[string]bool{}
	for _, file := range o.ValueFiles {
		if file.Content != nil || strings.ContainsAny(file.Name, "*?[") {
			continue
		}
		place, err := valuePath(at, file.Name)
		if err != nil {
			return nil, err
		}
		named[place] = true
	}
	return named, nil
}

func matching(all tree, place string, named map[string]bool) ([]string, error) {
	if _, found := all[place]; found {
		return []string{place}, nil
	}
	if !strings.ContainsAny(place, "*?[{") {
		return nil, nil
	}
	var matches []string
	for name := range all {
		if matched, err := doublestar.Match(place, name); err != nil {
			return nil, fmt.Errorf("%q is no pattern: %w", place, err)
		} else if matched && !named[name] {
			matches = append(matches, name)
		}
	}
	sort.Strings(matches)
	return matches, nil
}
