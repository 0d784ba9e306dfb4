package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	charts "helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	release "helm.sh/helm/v4/pkg/release/v1"
)

type helmInput struct {
	Files   treeInput   `json:"files"`
	Path    string      `json:"path"`
	Options helmOptions `json:"options"`
	Text    bool        `json:"text"`
}

// helmTemplate renders a chart as `helm template` does; hooks are ordinary objects of the result.
func helmTemplate(ctx context.Context, in helmInput) (any, error) {
	files, err := in.Files.tree()
	if err != nil {
		return nil, err
	}
	at, err := inside(in.Path)
	if err != nil {
		return nil, err
	}
	values, err := in.Options.merged(files, at)
	if err != nil {
		return nil, err
	}
	loaded, err := loadChart(files, at, 0)
	if err != nil {
		return nil, err
	}
	text, err := renderChart(ctx, loaded, values, in.Options)
	if err != nil {
		return nil, err
	}
	if in.Text {
		return text, nil
	}
	found, err := readDocuments([]byte(text), true, true)
	return found, namedTemplate(err, text)
}

func renderChart(ctx context.Context, loaded *chart.Chart, values map[string]any, options helmOptions) (string, error) {
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy = action.DryRunClient
	install.Replace = true
	install.ReleaseName = options.ReleaseName
	install.Namespace = options.Namespace
	install.IncludeCRDs = !options.SkipCrds
	install.SkipSchemaValidation = options.SkipSchemaValidation
	install.APIVersions = common.VersionSet(options.APIVersions)
	if options.KubeVersion != "" {
		parsed, err := common.ParseKubeVersion(options.KubeVersion)
		if err != nil {
			return "", userError("%q is no Kubernetes version: %s", options.KubeVersion, err)
		}
		install.KubeVersion = parsed
	}
	result, err := install.RunWithContext(ctx, loaded, values)
	if err != nil {
		return "", err
	}
	done, ok := result.(*release.Release)
	if !ok {
		return "", fmt.Errorf("Helm gave a %T", result)
	}
	return joinManifests(done, options.SkipTests), nil
}

// joinManifests writes a release as the command prints it: the manifests, then the hooks.
func joinManifests(done *release.Release, skipTests bool) string {
	var text strings.Builder
	fmt.Fprintln(&text, strings.TrimSpace(done.Manifest))
	for _, hook := range done.Hooks {
		if skipTests && slices.Contains(hook.Events, release.HookTest) {
			continue
		}
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
	}
	return text.String()
}

var sourceComment = regexp.MustCompile(`(?m)^# Source: (.+)$`)

// namedTemplate says which template wrote the line that cannot be read.
func namedTemplate(err error, text string) error {
	if err == nil {
		return nil
	}
	problem := asFailure(err)
	lines := strings.SplitAfterN(text, "\n", problem.Line+1)
	above := strings.Join(lines[:min(problem.Line, len(lines))], "")
	if found := sourceComment.FindAllStringSubmatch(above, -1); found != nil {
		problem.Where, problem.Line = found[len(found)-1][1], 0
	}
	problem.Message = "the chart renders to bad YAML: " + problem.Message
	return problem
}

// loadChart reads a chart from a directory or an archive of the tree and completes it with the dependencies that the
// tree itself holds (`file://`); others would need the network.
func loadChart(files tree, at string, depth int) (*chart.Chart, error) {
	if depth > 10 {
		return nil, userError("the chart in %s depends on itself", shownPath(at))
	}
	if body, found := files[at]; found {
		return loader.LoadArchive(bytes.NewReader(body))
	}
	loaded, err := loadDirectory(files.below(at), at)
	if err != nil {
		return nil, err
	}
	if kind := loaded.Metadata.Type; kind != "" && kind != "application" && depth == 0 {
		return nil, userError("the chart in %s is a %s chart, which cannot be installed", shownPath(at), kind)
	}
	for _, wanted := range loaded.Metadata.Dependencies {
		if hasDependency(loaded, wanted.Name) {
			continue
		}
		local, found := strings.CutPrefix(wanted.Repository, "file://")
		if !found {
			continue
		}
		place, err := inside(path.Join(at, local))
		if err != nil {
			return nil, err
		}
		dependency, err := loadChart(files, place, depth+1)
		if err != nil {
			return nil, fmt.Errorf("dependency %s: %w", wanted.Name, err)
		}
		loaded.AddDependency(dependency)
	}
	return loaded, checkDependencies(loaded)
}

func hasDependency(loaded *chart.Chart, name string) bool {
	return slices.ContainsFunc(loaded.Dependencies(), func(have *chart.Chart) bool { return have.Name() == name })
}

func checkDependencies(loaded *chart.Chart) error {
	wanted := make([]charts.Dependency, 0, len(loaded.Metadata.Dependencies))
	for _, dependency := range loaded.Metadata.Dependencies {
		wanted = append(wanted, dependency)
	}
	if err := action.CheckDependencies(loaded, wanted); err != nil {
		return &failure{Kind: "user", Code: "dependencies", Message: err.Error() + ": run `helm dependency build` and commit it"}
	}
	return nil
}

// loadDirectory loads a chart through the disk, because that is how Helm applies .helmignore.
func loadDirectory(files tree, at string) (*chart.Chart, error) {
	if _, found := files["Chart.yaml"]; !found {
		return nil, userError("no Chart.yaml in %s", shownPath(at))
	}
	directory, err := os.MkdirTemp("", "gobridge-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(directory)
	made := map[string]bool{}
	for name, body := range files {
		target := filepath.Join(directory, filepath.FromSlash(name))
		if parent := filepath.Dir(target); !made[parent] {
			made[parent] = true
			if err := os.MkdirAll(parent, 0o700); err != nil {
				return nil, err
			}
		}
		if err := os.WriteFile(target, body, 0o600); err != nil {
			return nil, err
		}
	}
	loaded, err := loader.LoadDir(directory)
	if err != nil {
		return nil, userError("%s", strings.ReplaceAll(err.Error(), directory, shownPath(at)))
	}
	return loaded, nil
}
