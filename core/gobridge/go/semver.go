package main

import (
	"context"
	"sort"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// semverSelect gives the versions that a constraint allows, best first, as they were written. With a prefix, only
// versions that carry it count, and it is no part of the version.
func semverSelect(_ context.Context, in struct {
	Constraint string   `json:"constraint"`
	Versions   []string `json:"versions"`
	Prefix     string   `json:"prefix"`
}) (any, error) {
	constraint, err := semver.NewConstraint(in.Constraint)
	if err != nil {
		return nil, userError("%q is no version constraint: %s", in.Constraint, err)
	}
	return bestFirst(in.Versions, in.Prefix, constraint.Check), nil
}

// semverSort gives the texts that are versions, best first.
func semverSort(_ context.Context, in struct {
	Versions []string `json:"versions"`
	Prefix   string   `json:"prefix"`
}) (any, error) {
	return bestFirst(in.Versions, in.Prefix, func(*semver.Version) bool { return true }), nil
}

func bestFirst(versions []string, prefix string, wanted func(*semver.Version) bool) []string {
	type pair struct {
		text    string
		version *semver.Version
	}
	var found []pair
	for _, text := range versions {
		rest, carries := strings.CutPrefix(text, prefix)
		if !carries {
			continue
		}
		if version, err := semver.NewVersion(rest); err == nil && wanted(version) {
			found = append(found, pair{text, version})
		}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].version.GreaterThan(found[j].version) })
	texts := make([]string, 0, len(found))
	for _, one := range found {
		texts = append(texts, one.text)
	}
	return texts
}
