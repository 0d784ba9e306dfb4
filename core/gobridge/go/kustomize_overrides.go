package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// kustomizeOverrides are the fields of an Argo CD source's `kustomize` block, applied as `kustomize edit` would.
type kustomizeOverrides struct {
	NamePrefix              string            `json:"namePrefix"`
	NameSuffix              string            `json:"nameSuffix"`
	Images                  []string          `json:"images"`
	Replicas                []replicaOverride `json:"replicas"`
	CommonLabels            map[string]string `json:"commonLabels"`
	ForceCommonLabels       bool              `json:"forceCommonLabels"`
	LabelWithoutSelector    bool              `json:"labelWithoutSelector"`
	LabelIncludeTemplates   bool              `json:"labelIncludeTemplates"`
	CommonAnnotations       map[string]string `json:"commonAnnotations"`
	ForceCommonAnnotations  bool              `json:"forceCommonAnnotations"`
	Namespace               string            `json:"namespace"`
	Patches                 []types.Patch     `json:"patches"`
	Components              []string          `json:"components"`
	IgnoreMissingComponents bool              `json:"ignoreMissingComponents"`
	BuildOptions            string            `json:"buildOptions"`

	// Known to Argo CD, without a meaning here: the version is this program's, the others are for Helm inflation and
	// for placeholders that the caller has replaced already.
	Version                   string   `json:"version"`
	KubeVersion               string   `json:"kubeVersion"`
	APIVersions               []string `json:"apiVersions"`
	CommonAnnotationsEnvsubst bool     `json:"commonAnnotationsEnvsubst"`
}

type replicaOverride struct {
	Name  string             `json:"name"`
	Count intstr.IntOrString `json:"count"`
}

// UnmarshalJSON refuses unknown names.
func (o *kustomizeOverrides) UnmarshalJSON(text []byte) error {
	type plain kustomizeOverrides
	return strictly(text, (*plain)(o))
}

// options reads the flags of `kustomize build` that change the result; those that start programs are refused.
func (o *kustomizeOverrides) options() (*krusty.Options, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy
	words := strings.Fields(strings.ReplaceAll(o.BuildOptions, "=", " "))
	for i := 0; i < len(words); i++ {
		next := ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch words[i] + " " + next {
		case "--load-restrictor LoadRestrictionsNone":
			options.LoadRestrictions = types.LoadRestrictionsNone
		case "--load-restrictor LoadRestrictionsRootOnly", "--reorder legacy":
		case "--reorder none":
			options.Reorder = krusty.ReorderOptionNone
		default:
			return nil, refused("option", "the build option %s is not supported", words[i])
		}
		i++
	}
	return options, nil
}

// apply changes the kustomization, in the order in which Argo CD edits it, and says whether it did.
func (o *kustomizeOverrides) apply(root *types.Kustomization, fsys filesys.FileSystem, at string) (bool, error) {
	before, err := json.Marshal(root)
	if err != nil {
		return false, err
	}
	if o.NamePrefix != "" {
		root.NamePrefix = o.NamePrefix
	}
	if o.NameSuffix != "" {
		root.NameSuffix = o.NameSuffix
	}
	steps := []func(*types.Kustomization) error{o.setImages, o.setReplicas, o.addLabels, o.addAnnotations}
	for _, step := range steps {
		if err := step(root); err != nil {
			return false, err
		}
	}
	if o.Namespace != "" {
		root.Namespace = o.Namespace
	}
	root.Patches = append(root.Patches, o.Patches...)
	if err := o.addComponents(root, fsys, at); err != nil {
		return false, err
	}
	after, err := json.Marshal(root)
	return string(before) != string(after), err
}

func (o *kustomizeOverrides) setImages(root *types.Kustomization) error {
	if len(o.Images) == 0 {
		return nil
	}
	wanted := map[string]types.Image{}
	for _, text := range o.Images {
		image, err := parseImage(text)
		if err != nil {
			return err
		}
		wanted[image.Name] = image
	}
	for _, old := range root.Images {
		if image, found := wanted[old.Name]; found {
			wanted[old.Name] = keepStarred(image, old)
		} else {
			wanted[old.Name] = old
		}
	}
	root.Images = nil
	for _, image := range wanted {
		root.Images = append(root.Images, keepStarred(image, types.Image{}))
	}
	sort.Slice(root.Images, func(i, j int) bool { return root.Images[i].Name < root.Images[j].Name })
	return nil
}

// keepStarred takes from the old entry what the new one asks to keep by a star.
func keepStarred(image, old types.Image) types.Image {
	for _, pair := range [][2]*string{
		{&image.NewName, &old.NewName}, {&image.NewTag, &old.NewTag}, {&image.Digest, &old.Digest},
	} {
		if *pair[0] == "*" {
			*pair[0] = *pair[1]
		}
	}
	return image
}

// parseImage reads name:tag, name@digest, name=new, name=new:tag@digest.
func parseImage(text string) (types.Image, error) {
	name, rest, renamed := strings.Cut(text, "=")
	if !renamed {
		rest = text
	}
	rest, digest, _ := strings.Cut(rest, "@")
	tag := ""
	if colon := strings.LastIndex(rest, ":"); colon > strings.LastIndex(rest, "/") {
		rest, tag = rest[:colon], rest[colon+1:]
	}
	if rest == text || rest == "" || name == "" {
		return types.Image{}, userError("%q is no image override: write name=new-name:tag, name:tag or name@digest", text)
	}
	if !renamed {
		return types.Image{Name: rest, NewTag: tag, Digest: digest}, nil
	}
	return types.Image{Name: name, NewName: rest, NewTag: tag, Digest: digest}, nil
}

func (o *kustomizeOverrides) setReplicas(root *types.Kustomization) error {
	if len(o.Replicas) == 0 {
		return nil
	}
	for _, wanted := range o.Replicas {
		count, err := strconv.ParseInt(wanted.Count.String(), 10, 32)
		if err != nil {
			return userError("the replicas of %s are no number: %q", wanted.Name, wanted.Count.String())
		}
		root.Replicas = slices.DeleteFunc(root.Replicas, func(old types.Replica) bool { return old.Name == wanted.Name })
		root.Replicas = append(root.Replicas, types.Replica{Name: wanted.Name, Count: count})
	}
	sort.Slice(root.Replicas, func(i, j int) bool { return root.Replicas[i].Name < root.Replicas[j].Name })
	return nil
}

func (o *kustomizeOverrides) addLabels(root *types.Kustomization) error {
	if o.LabelIncludeTemplates && !o.LabelWithoutSelector {
		return userError("labelIncludeTemplates needs labelWithoutSelector")
	}
	if len(o.CommonLabels) == 0 {
		return nil
	}
	if !o.LabelWithoutSelector {
		return addPairs(&root.CommonLabels, o.CommonLabels, "label", o.ForceCommonLabels)
	}
	for i := range root.Labels {
		if entry := &root.Labels[i]; !entry.IncludeSelectors && entry.IncludeTemplates == o.LabelIncludeTemplates {
			return addPairs(&entry.Pairs, o.CommonLabels, "label", o.ForceCommonLabels)
		}
	}
	root.Labels = append(root.Labels, types.Label{Pairs: o.CommonLabels, IncludeTemplates: o.LabelIncludeTemplates})
	return nil
}

func (o *kustomizeOverrides) addAnnotations(root *types.Kustomization) error {
	return addPairs(&root.CommonAnnotations, o.CommonAnnotations, "annotation", o.ForceCommonAnnotations)
}

func addPairs(to *map[string]string, pairs map[string]string, what string, force bool) error {
	if *to == nil && len(pairs) > 0 {
		*to = map[string]string{}
	}
	for name, text := range pairs {
		if _, found := (*to)[name]; found && !force {
			return userError("%s %s is in the kustomization already; force would override it", what, name)
		}
		(*to)[name] = text
	}
	return nil
}

func (o *kustomizeOverrides) addComponents(root *types.Kustomization, fsys filesys.FileSystem, at string) error {
	for _, component := range o.Components {
		if o.IgnoreMissingComponents && !fsys.Exists(filepath.Join(at, component)) {
			continue
		}
		if !slices.Contains(root.Components, component) {
			root.Components = append(root.Components, component)
		}
	}
	return nil
}
