package main

import "github.com/itchyny/gojq"

// operations is the one table of what this program does; names are area.verb.
func operations() map[string]handler {
	loaded := &schemas{known: map[string]*groupSchema{}}
	programs, texts, checks := &jq{newCompiled[*gojq.Code](2000)}, newTemplates(), newScripts()
	rules := newExpressions()
	table := map[string]handler{
		"bridge.versions":      operation(versions),
		"yaml.documents":       operation(yamlDocuments),
		"yaml.dump":            operation(yamlDump),
		"kustomize.build":      operation(kustomizeBuild),
		"fields.load":          operation(loaded.load),
		"fields.project":       operation(loaded.project),
		"fields.owned-extra":   operation(loaded.ownedExtra),
		"template.render":      operation(texts.render),
		"jq.apply":             operation(programs.apply),
		"patch.apply":          operation(patchApply),
		"lua.health":           operation(checks.health),
		"semver.select":        operation(semverSelect),
		"semver.sort":          operation(semverSort),
		"jsonnet.evaluate":     operation(jsonnetEvaluate),
		"expr.evaluate":        operation(rules.evaluateExpr),
		"cel.evaluate":         operation(rules.evaluateCEL),
		"flux.substitute":      operation(substitute),
		"json.edit":            operation(jsonEdit),
		"helm.template":        operation(helmTemplate),
		"kustomize.build-tree": operation(kustomizeBuildTree),
	}
	return table
}
