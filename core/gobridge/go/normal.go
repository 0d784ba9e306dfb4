package main

import (
	"encoding/base64"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
)

// sameNamed compares values of the types whose text the API server rewrites: quantities, times, durations.
func sameNamed(name string, desired, live any) (equal, known bool) {
	short, found := strings.CutPrefix(name, "io.k8s.apimachinery.pkg.")
	if !found || desired == nil || live == nil {
		return false, false
	}
	switch short {
	case "api.resource.Quantity":
		return sameQuantity(desired, live), true
	case "apis.meta.v1.Time", "apis.meta.v1.MicroTime":
		return sameTime(desired, live), true
	case "apis.meta.v1.Duration":
		return sameDuration(desired, live), true
	}
	return false, false
}

func sameQuantity(desired, live any) bool {
	if sameScalar(desired, live) {
		return true
	}
	one, err := resource.ParseQuantity(plain(desired))
	if err != nil {
		return false
	}
	other, err := resource.ParseQuantity(plain(live))
	return err == nil && one.Cmp(other) == 0
}

// plain is a scalar as the text that a quantity is read from.
func plain(value any) string {
	if known, ok := value.(string); ok {
		return known
	}
	return text(value)
}

func sameTime(desired, live any) bool {
	one, err := time.Parse(time.RFC3339Nano, plain(desired))
	if err != nil {
		return sameScalar(desired, live)
	}
	other, err := time.Parse(time.RFC3339Nano, plain(live))
	return err == nil && one.Equal(other)
}

func sameDuration(desired, live any) bool {
	one, err := time.ParseDuration(plain(desired))
	if err != nil {
		return sameScalar(desired, live)
	}
	other, err := time.ParseDuration(plain(live))
	return err == nil && one == other
}

// sameScalar compares scalars; a whole number is the same however it is written.
func sameScalar(one, other any) bool {
	switch want := one.(type) {
	case nil:
		return other == nil
	case string:
		have, ok := other.(string)
		return ok && have == want
	case bool:
		have, ok := other.(bool)
		return ok && have == want
	}
	first, ok := number(one)
	second, fits := number(other)
	return ok && fits && first == second
}

func number(value any) (float64, bool) {
	switch known := value.(type) {
	case int:
		return float64(known), true
	case int64:
		return float64(known), true
	case uint64:
		return float64(known), true
	case float64:
		return known, true
	}
	return 0, false
}

const (
	rbacGroup   = "rbac.authorization.k8s.io"
	claimSuffix = ".core.v1.PersistentVolumeClaim"
)

// serverDefault gives what the API server puts into structs that an apply replaces whole and whose default the
// OpenAPI document does not tell: without it each of them would look changed for ever.
func serverDefault(kind, field string, desired map[string]any) (any, bool) {
	short := kind[strings.LastIndexByte(kind, '.')+1:] + "." + field
	switch {
	case short == "ObjectFieldSelector.apiVersion":
		return "v1", true
	case short == "NetworkPolicyPort.protocol":
		return "TCP", true
	case short == "RoleRef.apiGroup":
		return rbacGroup, true
	case short == "Subject.apiGroup":
		if desired["kind"] == "ServiceAccount" {
			return "", true
		}
		return rbacGroup, true
	case short == "PersistentVolumeClaimSpec.volumeMode":
		return "Filesystem", true
	case strings.HasSuffix(kind, claimSuffix) && field == "apiVersion":
		return "v1", true
	case strings.HasSuffix(kind, claimSuffix) && field == "kind":
		return "PersistentVolumeClaim", true
	case strings.HasSuffix(kind, claimSuffix) && field == "status":
		return map[string]any{"phase": "Pending"}, true
	case short == "TypedLocalObjectReference.apiGroup":
		return "", true
	}
	return nil, false
}

// lastApplied is what `kubectl apply` leaves behind; no apply of ours has it.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// comparable removes from a desired object what the server alone decides, and writes a Secret's stringData as data.
func comparable(desired map[string]any) map[string]any {
	object := shallow(desired)
	delete(object, "status")
	if metadata, ok := object["metadata"].(map[string]any); ok {
		metadata = shallow(metadata)
		object["metadata"] = metadata
		for _, name := range []string{
			"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid",
		} {
			delete(metadata, name)
		}
		if annotations, ok := metadata["annotations"].(map[string]any); ok && annotations[lastApplied] != nil {
			annotations = shallow(annotations)
			delete(annotations, lastApplied)
			metadata["annotations"] = annotations
		}
		dropEmpty(metadata, "labels", "annotations", "finalizers", "ownerReferences")
	}
	if object["kind"] == "Secret" && object["apiVersion"] == "v1" {
		encodeSecret(object)
	}
	return object
}

// dropEmpty removes empty maps and lists of metadata, which is a Go struct for every kind, custom ones too.
func dropEmpty(metadata map[string]any, names ...string) {
	for _, name := range names {
		switch known := metadata[name].(type) {
		case map[string]any:
			if len(known) == 0 {
				delete(metadata, name)
			}
		case []any:
			if len(known) == 0 {
				delete(metadata, name)
			}
		}
	}
}

func shallow(of map[string]any) map[string]any {
	copied := make(map[string]any, len(of))
	for key, value := range of {
		copied[key] = value
	}
	return copied
}

func encodeSecret(secret map[string]any) {
	data, _ := secret["data"].(map[string]any)
	plain, _ := secret["stringData"].(map[string]any)
	if data == nil && plain == nil {
		return
	}
	encoded := make(map[string]any, len(data)+len(plain))
	for key, value := range data {
		encoded[key] = canonicalBase64(value)
	}
	for key, value := range plain {
		if known, ok := value.(string); ok {
			encoded[key] = base64.StdEncoding.EncodeToString([]byte(known))
		}
	}
	delete(secret, "stringData")
	secret["data"] = encoded
}

// canonicalBase64 writes bytes as the server does: without line breaks; null is no bytes.
func canonicalBase64(value any) any {
	known, ok := value.(string)
	if value == nil {
		return ""
	}
	if !ok {
		return value
	}
	body, err := base64.StdEncoding.DecodeString(known)
	if err != nil {
		return value
	}
	return base64.StdEncoding.EncodeToString(body)
}
