package main

// operations is the one table of what this program does; names are area.verb.
func operations() map[string]handler {
	loaded := &schemas{known: map[string]*groupSchema{}}
	table := map[string]handler{
		"bridge.versions":      operation(versions),
		"yaml.documents":       operation(yamlDocuments),
		"yaml.dump":            operation(yamlDump),
		"kustomize.build":      operation(kustomizeBuild),
		"fields.load":          operation(loaded.load),
		"fields.project":       operation(loaded.project),
		"fields.owned-extra":   operation(loaded.ownedExtra),
		"helm.template":        operation(helmTemplate),
		"kustomize.build-tree": operation(kustomizeBuildTree),
	}
	return table
}
