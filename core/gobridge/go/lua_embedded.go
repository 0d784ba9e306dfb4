package main

import (
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/argoproj/argo-cd/v3/resource_customizations"
	"github.com/bmatcuk/doublestar/v4"
)

const healthFile = "health.lua"

// embeddedScripts finds the health scripts that Argo CD carries, by group and kind. A directory name with _ is a
// pattern.
type embeddedScripts struct {
	exact    map[string]string
	patterns []string
}

func newEmbeddedScripts() *embeddedScripts {
	found := &embeddedScripts{exact: map[string]string{}}
	_ = fs.WalkDir(resource_customizations.Embedded, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || path.Base(name) != healthFile {
			return err
		}
		body, err := resource_customizations.Embedded.ReadFile(name)
		directory := path.Dir(name)
		found.exact[directory] = string(body)
		if strings.Contains(directory, "_") {
			found.patterns = append(found.patterns, directory)
		}
		return err
	})
	sort.Strings(found.patterns)
	return found
}

// health gives the script for an object, or nothing.
func (e *embeddedScripts) health(object map[string]any) string {
	apiVersion, _ := object["apiVersion"].(string)
	kind, _ := object["kind"].(string)
	key := kind
	if group, _, found := strings.Cut(apiVersion, "/"); found {
		key = group + "/" + kind
	}
	if script, found := e.exact[key]; found {
		return script
	}
	for _, pattern := range e.patterns {
		if doublestar.PathMatchUnvalidated(strings.ReplaceAll(pattern, "_", "*"), key) {
			return e.exact[pattern]
		}
	}
	return ""
}
