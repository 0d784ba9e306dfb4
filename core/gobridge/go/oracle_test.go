package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	helmcmd "helm.sh/helm/v4/pkg/cmd"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/build"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// The commands themselves, from the same go.mod, are the oracle: what they print is what we give, byte by byte.

const webYAML = `# a comment
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {tier: "1"}}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: c
        image: nginx:1.0
        env: [{name: A, value: "x"}, {name: CM, valueFrom: {configMapKeyRef: {name: cm, key: a}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
`

const moreYAML = `apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: bind}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: robot, namespace: default}]
---
apiVersion: example.org/v1
kind: Thing
metadata: {name: thing}
spec: {list: [{name: a, v: 1}, {name: b, v: 2}], text: "yes", when: 12:30, octal: 012}
`

var kustomizeFiles = map[string]string{
	"base/kustomization.yaml":  "resources: [web.yaml, more.yaml]\nconfigMapGenerator: [{name: cm, literals: [a=b]}]\n",
	"base/web.yaml":            webYAML,
	"base/more.yaml":           moreYAML,
	"k/patch.yaml":             "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {template: {spec: {containers: [{name: c, args: [-v]}]}}}\n",
	"k/six.yaml":               "- {op: replace, path: /spec/replicas, value: 7}\n",
	"k/env.txt":                "A=1\nB=two words\n# no\nC=\n",
	"k/blob.bin":               "\x00\x01\xff",
	"k/extra.yaml":             "apiVersion: v1\nkind: Namespace\nmetadata: {name: extra}\n",
	"k/prefix.yaml":            "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: p}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n",
	"k/replace.yaml":           "source: {kind: Service, name: web, fieldPath: spec.ports.0.port}\ntargets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.port], options: {create: true}}]\n",
	"k/conf.yaml":              "nameReference:\n- {kind: Thing, fieldSpecs: [{kind: Service, path: spec/thing}]}\n",
	"comp/kustomization.yaml":  "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {comp: on-it}\npatches: [{target: {kind: Service}, patch: '[{op: add, path: /spec/type, value: NodePort}]'}]\n",
	"two/kustomization.yaml":   "resources: [../base]\nnameSuffix: -two\nnamespace: two\n",
	"chain/kustomization.yaml": "resources: [../two]\nnamePrefix: c-\ncommonLabels: {chain: x}\n",
}

var kustomizations = map[string]string{
	"plain":            "resources: [../base]",
	"prefix":           "resources: [../base]\nnamePrefix: a-\nnameSuffix: -b",
	"namespace":        "resources: [../base]\nnamespace: ns",
	"labels":           "resources: [../base]\ncommonLabels: {a: b}",
	"labelsPairs":      "resources: [../base]\nlabels: [{pairs: {a: b}}]",
	"labelsTemplates":  "resources: [../base]\nlabels: [{pairs: {a: b}, includeTemplates: true}]",
	"labelsSelectors":  "resources: [../base]\nlabels: [{pairs: {a: b}, includeSelectors: true}]",
	"labelsFields":     "resources: [../base]\nlabels: [{pairs: {a: b}, fields: [{path: spec/x, create: true, kind: Thing}]}]",
	"annotations":      "resources: [../base]\ncommonAnnotations: {a: 'true'}",
	"images":           "resources: [../base]\nimages: [{name: nginx, newName: reg:5000/n, newTag: '1'}]",
	"digest":           "resources: [../base]\nimages: [{name: nginx, digest: sha256:abc}]",
	"tagSuffix":        "resources: [../base]\nimages: [{name: nginx, tagSuffix: -x}]",
	"replicas":         "resources: [../base]\nreplicas: [{name: web, count: 4}]",
	"patchFile":        "resources: [../base]\npatches: [{path: patch.yaml}]",
	"patchSix":         "resources: [../base]\npatches: [{path: six.yaml, target: {kind: Deployment}}]",
	"patchInline":      "resources: [../base]\npatches: [{patch: '{apiVersion: v1, kind: Service, metadata: {name: web}, $patch: delete}'}]",
	"patchNames":       "resources: [../base]\npatches: [{path: six.yaml, target: {name: 'w.*'}, options: {allowNameChange: true}}]",
	"strategic":        "resources: [../base]\npatchesStrategicMerge: [patch.yaml]",
	"json6902":         "resources: [../base]\npatchesJson6902: [{path: six.yaml, target: {version: v1, group: apps, kind: Deployment, name: web}}]",
	"generator":        "resources: [../base]\nconfigMapGenerator: [{name: own, files: [env.txt, x=env.txt], envs: [env.txt]}]",
	"generatorBinary":  "configMapGenerator: [{name: own, files: [blob.bin]}]",
	"generatorMerge":   "resources: [../base]\nconfigMapGenerator: [{name: cm, behavior: merge, literals: [c=d]}]",
	"generatorReplace": "resources: [../base]\nconfigMapGenerator: [{name: cm, behavior: replace, literals: [c=d]}]",
	"secret":           "secretGenerator: [{name: s, literals: [a=b], type: Opaque}]",
	"generatorOptions": "resources: [../base]\ngeneratorOptions: {disableNameSuffixHash: true, labels: {g: 'y'}, immutable: true}\nconfigMapGenerator: [{name: q, literals: [a=b]}]",
	"replacements":     "resources: [../base]\nreplacements: [{path: replace.yaml}]",
	"replacementIn":    "resources: [../base]\nreplacements:\n- source: {kind: Deployment, fieldPath: spec.template.spec.containers.[name=c].image, options: {delimiter: ':', index: 1}}\n  targets: [{select: {kind: Thing}, fieldPaths: ['spec.list.[name=b].v']}]",
	"vars":             "resources: [../base]\nvars: [{name: NAME, objref: {apiVersion: v1, kind: Service, name: web}}]\npatches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {template: {spec: {containers: [{name: c, args: [$(NAME)]}]}}}}'}]",
	"components":       "resources: [../base]\ncomponents: [../comp]",
	"transformers":     "resources: [../base]\ntransformers: [prefix.yaml]",
	"configurations":   "resources: [../base]\nnamePrefix: z-\nconfigurations: [conf.yaml]",
	"several":          "resources: [../base, extra.yaml]",
	"sortFifo":         "resources: [../base, extra.yaml]\nsortOptions: {order: fifo}",
	"sortLegacy":       "resources: [../base, extra.yaml]\nsortOptions: {order: legacy, legacySortOptions: {orderFirst: [Thing]}}",
	"origin":           "resources: [../base]\nbuildMetadata: [originAnnotations, transformerAnnotations]",
	"managedBy":        "resources: [../base]\nbuildMetadata: [managedByLabel]",
	"twice":            "resources: [../two, ../chain]",
	"chain":            "resources: [../chain]",
	"bases":            "bases: [../base]",
	"missing":          "resources: [../nowhere]",
	"unknownField":     "resources: [../base]\nnonsense: 1",
	"badPatch":         "resources: [../base]\npatches: [{patch: '{kind: Deployment, metadata: {name: nobody}, apiVersion: apps/v1}'}]",
	"badYAML":          "resources: [",
	"doubled":          "resources: [../base, ../base]",
	"outside":          "resources: [../../../../etc/passwd]",
	"cycle":            "resources: [../k]",
	"empty":            "",
}

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, body := range files {
		full := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func plus(files map[string]string, name, body string) map[string]string {
	all := map[string]string{name: body}
	for key, text := range files {
		if key != name {
			all[key] = text
		}
	}
	return all
}

func binaryTree(files map[string]string) treeInput {
	in := treeInput{Binary: map[string]string{}}
	for name, body := range files {
		encoded, _ := json.Marshal([]byte(body))
		in.Binary[name] = strings.Trim(string(encoded), `"`)
	}
	return in
}

func TestKustomizeIsTheCommand(t *testing.T) {
	for name, body := range kustomizations {
		t.Run(name, func(t *testing.T) {
			files := plus(kustomizeFiles, "k/kustomization.yaml", body+"\n")
			root := writeTree(t, files)
			var printed bytes.Buffer
			command := build.NewCmdBuild(filesys.MakeFsOnDisk(), build.MakeHelp("kustomize", "build"), &printed)
			command.SetArgs([]string{filepath.Join(root, "k")})
			command.SilenceErrors, command.SilenceUsage = true, true
			wanted := command.Execute()
			onDisk, err := kustomizeBuild(context.Background(), kustomizeInput{Root: root, Path: "k", Text: true})
			compare(t, "on disk", printed.String(), wanted, onDisk, err)
			in := kustomizeInput{Files: binaryTree(files), Path: "k", Text: true}
			inMemory, err := kustomizeBuildTree(context.Background(), in)
			compare(t, "in memory", printed.String(), wanted, inMemory, err)
		})
	}
}

func compare(t *testing.T, where, printed string, wanted error, got any, err error) {
	t.Helper()
	if (wanted == nil) != (err == nil) {
		t.Fatalf("%s: the command says %v, we say %v", where, wanted, err)
	}
	if text, _ := got.(string); err == nil && text != printed {
		t.Errorf("%s:\n--- the command\n%s\n--- ours\n%s", where, printed, text)
	}
}

var chartFiles = map[string]string{
	"c/Chart.yaml":             "apiVersion: v2\nname: c\nversion: 0.1.0\nappVersion: '9'\n",
	"c/values.yaml":            "a: 1\nname: n\nmap: {x: '1', b: [1, 2.5, true]}\ntext: |\n  line\n  more\n",
	"c/templates/_helpers.tpl": "{{- define \"c.labels\" -}}\napp: {{ .Chart.Name }}\nrelease: {{ .Release.Name }}\n{{- end }}\n",
	"c/templates/NOTES.txt":    "notes\n",
	"c/files/one.txt":          "one\n",
	"c/files/two.txt":          "two\n",
	"c/crds/crd.yaml":          "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.x.org}\n",
	"c/over.yaml":              "a: 2\nmap: {y: over}\n",
}

const head = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-x\n"

var chartTemplates = map[string]string{
	"plain":        head + "data: {a: \"{{ .Values.a }}\"}\n",
	"labels":       head + "  labels: {{- include \"c.labels\" . | nindent 4 }}\n",
	"toYaml":       head + "data: {{- toYaml .Values.map | nindent 2 }}\n",
	"range":        "{{- range $i := until 3 }}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s{{ $i }}}\n{{- end }}\n",
	"if":           "{{- if .Values.none }}\n" + head + "{{- end }}\n",
	"with":         "{{- with .Values.map }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: w}\ndata: {x: {{ .x | quote }}}\n{{- end }}\n",
	"files":        head + "data:\n{{ (.Files.Glob \"files/*\").AsConfig | indent 2 }}\n",
	"filesGet":     head + "data: {one: {{ .Files.Get \"files/one.txt\" | quote }}}\n",
	"tpl":          head + "data: {t: {{ tpl \"{{ .Values.name }}!\" . | quote }}}\n",
	"required":     head + "data: {r: {{ required \"name it\" .Values.name }}}\n",
	"requiredNot":  head + "data: {r: {{ required \"name it\" .Values.nothing }}}\n",
	"fail":         "{{ fail \"no\" }}",
	"lookup":       head + "data: {l: {{ lookup \"v1\" \"Secret\" \"\" \"\" | toJson | quote }}}\n",
	"capabilities": head + "data: {v: {{ .Capabilities.KubeVersion.Version }}, h: \"{{ .Capabilities.APIVersions.Has \"batch/v1\" }}\", hv: {{ .Capabilities.HelmVersion.Version }}}\n",
	"release":      head + "data: {s: {{ .Release.Service }}, r: \"{{ .Release.Revision }}\", u: \"{{ .Release.IsUpgrade }}\"}\n",
	"chart":        head + "data: {v: {{ .Chart.Version }}, t: {{ .Template.Name }}, b: {{ .Template.BasePath }}, app: {{ .Chart.AppVersion | quote }}}\n",
	"hook":         "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j, annotations: {helm.sh/hook: \"pre-install,post-upgrade\", helm.sh/hook-weight: \"-5\"}}\n",
	"hooks":        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {helm.sh/hook: test}}\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s, annotations: {helm.sh/hook: pre-delete}}\n---\n" + head,
	"hookUnknown":  "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {helm.sh/hook: crd-install}}\n",
	"order":        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\napiVersion: x.org/v1\nkind: Other\nmetadata: {name: o}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\n",
	"comments":     "# first\n" + head + "# last\n---\n# only a comment\n---\n",
	"empty":        "",
	"spaces":       "\n\n   \n",
	"crlf":         "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata: {name: crlf}\r\n",
	"dict":         head + "data: {d: {{ dict \"b\" 1 \"a\" (list 1 2) | toJson | quote }}}\n",
	"fromYaml":     head + "data: {f: {{ (fromYaml \"a: 012\\nb: yes\").a | quote }}}\n",
	"toToml":       head + "data: {f: {{ toToml .Values.map | quote }}}\n",
	"semver":       head + "data: {f: \"{{ semverCompare \">=1.2\" \"1.3.0\" }}\"}\n",
	"sha":          head + "data: {f: {{ sha256sum \"x\" }}}\n",
	"set":          head + "{{- $_ := set .Values \"new\" \"v\" }}\ndata: {f: {{ .Values.new }}}\n",
	"merge":        head + "data: {f: {{ mergeOverwrite (dict \"x\" 0) .Values.map | toJson | quote }}}\n",
	"badFunction":  "{{ nonsense }}",
	"badAccess":    "{{ .Values.a.b.c }}",
	"badSyntax":    "{{ if }}",
	"badYAML":      "apiVersion: v1\nkind: [\n",
	"noKind":       "a: b\n",
	"list":         "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: l}}\n",
	"numbers":      head + "data: {i: \"{{ int64 .Values.a }}\", f: \"{{ mulf 1.5 2 }}\", big: \"{{ 1e6 }}\"}\n",
	"text":         head + "data:\n  t: |- {{ .Values.text | nindent 4 }}\n",
	"nestedDefine": "{{ define \"in\" }}{{ . | upper }}{{ end }}" + head + "data: {x: {{ include \"in\" \"a\" }}}\n",
}

func TestHelmIsTheCommand(t *testing.T) {
	for name, body := range chartTemplates {
		for _, options := range []helmOptions{
			{ReleaseName: "r", Namespace: "ns", KubeVersion: "1.31.0"},
			{ReleaseName: "r", Namespace: "ns", KubeVersion: "1.29.3", SkipTests: true, SkipCrds: true, ValueFiles: []valueFile{{Name: "over.yaml"}}},
		} {
			t.Run(name+options.KubeVersion, func(t *testing.T) {
				files := plus(chartFiles, "c/templates/x.yaml", body)
				printed, wanted := helmCommand(t, writeTree(t, files), options)
				in := helmInput{Files: binaryTree(files), Path: "c", Options: options, Text: true}
				got, err := helmTemplate(context.Background(), in)
				compare(t, "chart", printed, wanted, got, err)
			})
		}
	}
}

func TestHelmDependenciesAreTheCommands(t *testing.T) {
	files := plus(chartFiles, "c/templates/x.yaml", chartTemplates["toYaml"])
	files["c/Chart.yaml"] += "dependencies:\n- {name: s, version: 1.0.0, condition: s.enabled, import-values: [{child: out, parent: got}]}\n- {name: s, version: 1.0.0, alias: t, tags: [tt]}\n"
	files["c/charts/s/Chart.yaml"] = "apiVersion: v2\nname: s\nversion: 1.0.0\n"
	files["c/charts/s/values.yaml"] = "v: sub\nout: {k: w}\n"
	files["c/charts/s/templates/s.yaml"] = "apiVersion: v1\nkind: Secret\nmetadata: {name: {{ .Chart.Name }}}\nstringData: {v: {{ .Values.v }}, g: {{ .Values.global.g | quote }}}\n"
	for name, values := range map[string]string{
		"plain": "", "off": "s: {enabled: false}", "tags": "tags: {tt: false}", "global": "global: {g: 1}\nt: {v: parent}",
	} {
		t.Run(name, func(t *testing.T) {
			options := helmOptions{
				ReleaseName: "r", Namespace: "ns", KubeVersion: "1.31.0",
				ValueFiles: []valueFile{{Name: "given.yaml"}},
			}
			all := plus(files, "c/given.yaml", values)
			printed, wanted := helmCommand(t, writeTree(t, all), options)
			got, err := helmTemplate(context.Background(), helmInput{Files: binaryTree(all), Path: "c", Options: options, Text: true})
			compare(t, name, printed, wanted, got, err)
		})
	}
}

func helmCommand(t *testing.T, root string, options helmOptions) (string, error) {
	t.Helper()
	chart := filepath.Join(root, "c")
	args := []string{"template", options.ReleaseName, chart, "--kube-version", options.KubeVersion, "--namespace", options.Namespace}
	if !options.SkipCrds {
		args = append(args, "--include-crds")
	}
	if options.SkipTests {
		args = append(args, "--skip-tests")
	}
	for _, file := range options.ValueFiles {
		args = append(args, "--values", filepath.Join(chart, file.Name))
	}
	var printed bytes.Buffer
	command, err := helmcmd.NewRootCmd(&printed, args, func(bool) {})
	if err != nil {
		t.Fatal(err)
	}
	command.SetArgs(args)
	command.SilenceErrors, command.SilenceUsage = true, true
	err = command.Execute()
	return printed.String(), err
}
