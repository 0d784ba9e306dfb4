package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
	"sigs.k8s.io/yaml"
)

// kustomizeInput asks for a build. Text: the result as the command prints it, instead of objects.
type kustomizeInput struct {
	Root      string             `json:"root"`
	Files     treeInput          `json:"files"`
	Path      string             `json:"path"`
	Overrides kustomizeOverrides `json:"overrides"`
	Text      bool               `json:"text"`
}

// schemaLock guards the one thing that is global in kustomize: the OpenAPI document that a kustomization may replace.
var schemaLock sync.RWMutex

func kustomizeBuild(_ context.Context, in kustomizeInput) (any, error) {
	clean, err := inside(in.Path)
	if err != nil {
		return nil, err
	}
	fsys, err := newJail(in.Root)
	if err != nil {
		return nil, userError("the root is not there: %s", err)
	}
	directory := filepath.Join(fsys.root, clean)
	return kustomizeRun(fsys, directory, in, func(name string, body []byte) error {
		real, err := fsys.admit(name)
		fsys.changed[real] = body
		return err
	})
}

func kustomizeBuildTree(_ context.Context, in kustomizeInput) (any, error) {
	clean, err := inside(in.Path)
	if err != nil {
		return nil, err
	}
	files, err := in.Files.tree()
	if err != nil {
		return nil, err
	}
	return kustomizeRun(newMemory(files), "/"+clean, in, func(name string, body []byte) error {
		files[key(name)] = body
		return nil
	})
}

// kustomizeRun applies the overrides to the kustomization in memory and builds.
func kustomizeRun(fsys filesys.FileSystem, at string, in kustomizeInput, write func(string, []byte) error) (any, error) {
	options, err := in.Overrides.options()
	if err != nil {
		return nil, err
	}
	name, err := kustomizationFile(fsys, at)
	if err != nil {
		return nil, err
	}
	root, err := readKustomization(fsys, name)
	if err != nil {
		return nil, err
	}
	if changed, err := in.Overrides.apply(root, fsys, at); err != nil {
		return nil, err
	} else if changed {
		body, err := yaml.Marshal(root)
		if err != nil {
			return nil, err
		}
		if err := write(name, body); err != nil {
			return nil, err
		}
	}
	text, err := kustomizeYAML(fsys, at, options, len(root.OpenAPI) > 0)
	if err != nil {
		return nil, kustomizeError(err, in.Root)
	}
	if in.Text {
		return string(text), nil
	}
	return readDocuments(text, true, true)
}

func kustomizeYAML(fsys filesys.FileSystem, at string, options *krusty.Options, ownSchema bool) ([]byte, error) {
	if ownSchema {
		schemaLock.Lock()
		defer schemaLock.Unlock()
		defer openapi.ResetOpenAPI()
	} else {
		schemaLock.RLock()
		defer schemaLock.RUnlock()
	}
	built, err := krusty.MakeKustomizer(options).Run(fsys, at)
	if err != nil {
		return nil, err
	}
	return built.AsYaml()
}

// kustomizationFile finds the one file of a directory that makes it a kustomization.
func kustomizationFile(fsys filesys.FileSystem, at string) (string, error) {
	var found []string
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if full := filepath.Join(at, name); fsys.Exists(full) && !fsys.IsDir(full) {
			found = append(found, full)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", userError("no kustomization file in %s", shownPath(at))
	default:
		return "", userError("several kustomization files in %s", shownPath(at))
	}
}

func shownPath(at string) string {
	if at == "/" || at == "" {
		return "."
	}
	return strings.TrimPrefix(at, "/")
}

func readKustomization(fsys filesys.FileSystem, name string) (*types.Kustomization, error) {
	text, err := fsys.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var root types.Kustomization
	if err := root.Unmarshal(text); err != nil {
		return nil, &failure{Kind: "user", Message: err.Error(), Where: filepath.Base(name)}
	}
	root.FixKustomization()
	return &root, nil
}

// kustomizeError says plainly what a refused remote base looks like from inside kustomize, and hides the root's place.
func kustomizeError(err error, root string) error {
	message := err.Error()
	if root != "" {
		message = strings.ReplaceAll(message, strings.TrimSuffix(root, "/")+"/", "")
	}
	for _, sign := range []string{"no 'git' program on path", "rendering has no network"} {
		if strings.Contains(message, sign) {
			return refused("remote", "remote bases are refused: %s", message)
		}
	}
	return userError("%s", message)
}
