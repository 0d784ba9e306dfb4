package main

import (
	"encoding/base64"
	"path"
	"path/filepath"
	"strings"
)

// tree is a set of files in memory, by slash-separated path below an unnamed root.
type tree map[string][]byte

// treeInput is how a tree travels: text as it is, anything else as base64.
type treeInput struct {
	Text   map[string]string `json:"text"`
	Binary map[string]string `json:"binary"`
}

func (in treeInput) tree() (tree, error) {
	files := make(tree, len(in.Text)+len(in.Binary))
	for name, text := range in.Text {
		if err := files.add(name, []byte(text)); err != nil {
			return nil, err
		}
	}
	for name, text := range in.Binary {
		body, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		if err := files.add(name, body); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (t tree) add(name string, body []byte) error {
	clean, err := inside(name)
	if err != nil {
		return err
	}
	t[clean] = body
	return nil
}

// inside cleans a relative path and refuses one that leaves its root.
func inside(name string) (string, error) {
	clean := path.Clean(strings.TrimPrefix(name, "./"))
	if clean == "." {
		return "", nil
	}
	if strings.ContainsRune(name, 0) || !filepath.IsLocal(clean) {
		return "", refused("path", "%q is not below the root", name)
	}
	return clean, nil
}

// below returns the files under a directory, by path relative to it.
func (t tree) below(directory string) tree {
	if directory == "" {
		return t
	}
	found := tree{}
	for name, body := range t {
		if rest, ok := strings.CutPrefix(name, directory+"/"); ok {
			found[rest] = body
		}
	}
	return found
}
