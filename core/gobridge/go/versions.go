package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"sort"
)

// versions tells which libraries, in which version, this program was built from.
func versions(context.Context, struct{}) (any, error) {
	found := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found, nil
	}
	found["go"] = info.GoVersion
	for _, module := range info.Deps {
		found[module.Path] = module.Version
	}
	return found, nil
}

func printVersions(out io.Writer) {
	found, _ := versions(context.Background(), struct{}{})
	table := found.(map[string]string)
	names := make([]string, 0, len(table))
	for name := range table {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		_, _ = fmt.Fprintln(out, name, table[name])
	}
}
