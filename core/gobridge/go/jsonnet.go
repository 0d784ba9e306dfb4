package main

import (
	"context"
	"io"
	"path"

	"github.com/google/go-jsonnet"
)

type jsonnetVariable struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Code  bool   `json:"code"`
}

type jsonnetInput struct {
	Files treeInput `json:"files"`
	Path  string    `json:"path"`
	// Options are the fields of an Argo CD source's `directory.jsonnet` block.
	Options jsonnetOptions `json:"options"`
}

type jsonnetOptions struct {
	ExtVars []jsonnetVariable `json:"extVars"`
	TLAs    []jsonnetVariable `json:"tlas"`
	Libs    []string          `json:"libs"`
}

func (o *jsonnetOptions) UnmarshalJSON(text []byte) error {
	type plain jsonnetOptions
	return strictly(text, (*plain)(o))
}

// jsonnetEvaluate evaluates one file of a tree; imports come from the tree alone.
func jsonnetEvaluate(_ context.Context, in jsonnetInput) (any, error) {
	files, err := in.Files.tree()
	if err != nil {
		return nil, err
	}
	place, err := inside(in.Path)
	if err != nil {
		return nil, err
	}
	if _, found := files[place]; !found {
		return nil, userError("%s is not there", in.Path)
	}
	machine := jsonnet.MakeVM()
	machine.MaxStack = 500
	machine.SetTraceOut(io.Discard)
	machine.Importer(&treeImporter{files: files, libraries: in.Options.Libs, known: map[string]jsonnet.Contents{}})
	for _, variable := range in.Options.ExtVars {
		set := machine.ExtVar
		if variable.Code {
			set = machine.ExtCode
		}
		set(variable.Name, variable.Value)
	}
	for _, variable := range in.Options.TLAs {
		set := machine.TLAVar
		if variable.Code {
			set = machine.TLACode
		}
		set(variable.Name, variable.Value)
	}
	text, err := machine.EvaluateFile(place)
	if err != nil {
		return nil, err
	}
	if tooDeep([]byte(text)) {
		return nil, refused("depth", "nested deeper than %d levels", maxDepth)
	}
	var found value
	err = found.UnmarshalJSON([]byte(text))
	return found, err
}

// treeImporter finds imports next to the importing file, then in the library directories, which are relative to the
// root.
type treeImporter struct {
	files     tree
	libraries []string
	known     map[string]jsonnet.Contents
}

func (t *treeImporter) Import(from, name string) (jsonnet.Contents, string, error) {
	for _, directory := range append([]string{path.Dir(from)}, t.libraries...) {
		place, err := inside(path.Join(directory, name))
		if err != nil {
			continue
		}
		if contents, found := t.known[place]; found {
			return contents, place, nil
		}
		if body, found := t.files[place]; found {
			t.known[place] = jsonnet.MakeContentsRaw(body)
			return t.known[place], place, nil
		}
	}
	return jsonnet.Contents{}, "", userError("%s is not in the tree", name)
}
