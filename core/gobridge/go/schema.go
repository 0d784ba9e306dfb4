package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync"

	"k8s.io/kube-openapi/pkg/schemaconv"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/schema"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// groupSchema is what one OpenAPI v3 document of a cluster says about the kinds of one group and version.
type groupSchema struct {
	types *schema.Schema
	kinds map[string]string
}

// schemas keeps what the client has loaded, by schema id and path of the document (apis/apps/v1).
type schemas struct {
	mutex sync.RWMutex
	known map[string]*groupSchema
}

func (s *schemas) load(_ context.Context, in struct {
	Schema   string `json:"schema"`
	Path     string `json:"path"`
	Document struct {
		Components struct {
			Schemas map[string]*spec.Schema `json:"schemas"`
		} `json:"components"`
	} `json:"document"`
}) (any, error) {
	models := in.Document.Components.Schemas
	types, err := schemaconv.ToSchemaFromOpenAPI(models, false)
	if err != nil {
		return nil, userError("the schema of %s cannot be used: %s", in.Path, err)
	}
	kinds := map[string]string{}
	for name, model := range models {
		for _, kind := range kindsOf(model) {
			kinds[kind] = name
		}
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.known[in.Schema+" "+in.Path] = &groupSchema{types, kinds}
	return len(kinds), nil
}

// kindsOf reads the extension by which a model says which kinds (group/version/kind) it describes.
func kindsOf(model *spec.Schema) []string {
	extension, found := model.Extensions["x-kubernetes-group-version-kind"]
	if !found {
		return nil
	}
	body, err := json.Marshal(extension)
	if err != nil {
		return nil
	}
	var list []struct{ Group, Version, Kind string }
	if json.Unmarshal(body, &list) != nil {
		return nil
	}
	var names []string
	for _, one := range list {
		names = append(names, strings.TrimPrefix(one.Group+"/"+one.Version, "/")+" "+one.Kind)
	}
	return names
}

// typeOf is the type of one kind: from the cluster's schema, else deduced, as the API server does without a schema.
type typeOf struct {
	types   *schema.Schema
	ref     schema.TypeRef
	builtIn bool
}

func (s *schemas) find(id, apiVersion, kind string) typeOf {
	s.mutex.RLock()
	group := s.known[id+" "+documentPath(apiVersion)]
	s.mutex.RUnlock()
	if group != nil {
		if name, found := group.kinds[apiVersion+" "+kind]; found {
			return typeOf{group.types, schema.TypeRef{NamedType: &name}, isBuiltIn(name)}
		}
	}
	return typeOf{types: typed.DeducedParseableType.Schema, ref: typed.DeducedParseableType.TypeRef}
}

// isBuiltIn tells types that Go structs stand behind, which drop what is empty, from those of custom resources.
func isBuiltIn(name string) bool {
	return strings.HasPrefix(name, "io.k8s.api.") || strings.HasPrefix(name, "io.k8s.kube-aggregator.") ||
		strings.HasPrefix(name, "io.k8s.apiextensions-apiserver.")
}

// documentPath is where /openapi/v3 has the document of a group and version.
func documentPath(apiVersion string) string {
	if strings.Contains(apiVersion, "/") {
		return "apis/" + apiVersion
	}
	return "api/" + apiVersion
}
