package main

import "testing"

func BenchmarkYAML(b *testing.B) {
	for b.Loop() {
		if _, err := readDocuments([]byte(webYAML), false, true); err != nil {
			b.Fatal(err)
		}
	}
}
