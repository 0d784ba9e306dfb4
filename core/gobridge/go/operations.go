package main

// operations is the one table of what this program does; names are area.verb.
func operations() map[string]handler {
	table := map[string]handler{
		"bridge.versions":      operation(versions),
		"yaml.documents":       operation(yamlDocuments),
		"yaml.dump":            operation(yamlDump),
		"kustomize.build":      operation(kustomizeBuild),
		"helm.template":        operation(helmTemplate),
		"kustomize.build-tree": operation(kustomizeBuildTree),
	}
	return table
}
