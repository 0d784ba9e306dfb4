package main

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// readOnly refuses what changes files; kustomize writes only for remote bases.
type readOnly struct{}

func (readOnly) Create(name string) (filesys.File, error) { return nil, notWritten(name) }
func (readOnly) Mkdir(name string) error                  { return notWritten(name) }
func (readOnly) MkdirAll(name string) error               { return notWritten(name) }
func (readOnly) RemoveAll(name string) error              { return notWritten(name) }
func (readOnly) WriteFile(name string, _ []byte) error    { return notWritten(name) }

func notWritten(name string) error { return refused("path", "%s: files are not written", name) }

// memory is a tree as kustomize's file system; paths are absolute.
type memory struct {
	readOnly
	files       tree
	directories map[string][]string
}

func newMemory(files tree) memory {
	children := map[string]map[string]bool{"": {}}
	for name := range files {
		for name != "" {
			parent := strings.TrimPrefix(path.Dir("/"+name), "/")
			if children[parent] == nil {
				children[parent] = map[string]bool{}
			}
			children[parent][path.Base(name)] = true
			name = parent
		}
	}
	sorted := make(map[string][]string, len(children))
	for directory, names := range children {
		for name := range names {
			sorted[directory] = append(sorted[directory], name)
		}
		sort.Strings(sorted[directory])
	}
	sorted[""] = append([]string{}, sorted[""]...)
	return memory{files: files, directories: sorted}
}

func key(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

func missing(what, name string, err error) error {
	return &fs.PathError{Op: what, Path: name, Err: err}
}

func (m memory) IsDir(name string) bool {
	_, found := m.directories[key(name)]
	return found
}

func (m memory) Exists(name string) bool {
	_, found := m.files[key(name)]
	return found || m.IsDir(name)
}

func (m memory) ReadDir(name string) ([]string, error) {
	if names, found := m.directories[key(name)]; found {
		return names, nil
	}
	return nil, missing("open", name, fs.ErrNotExist)
}

func (m memory) ReadFile(name string) ([]byte, error) {
	if body, found := m.files[key(name)]; found {
		return body, nil
	}
	if m.IsDir(name) {
		return nil, missing("read", name, syscall.EISDIR)
	}
	return nil, missing("open", name, fs.ErrNotExist)
}

func (m memory) Open(name string) (filesys.File, error) {
	return nil, missing("open", name, fs.ErrInvalid)
}

func (m memory) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	clean := "/" + key(name)
	if m.IsDir(clean) {
		return filesys.ConfirmedDir(clean), "", nil
	}
	if m.Exists(clean) {
		return filesys.ConfirmedDir(path.Dir(clean)), path.Base(clean), nil
	}
	return "", "", missing("lstat", clean, fs.ErrNotExist)
}

func (m memory) Glob(pattern string) ([]string, error) {
	var found []string
	for name := range m.files {
		if matched, err := path.Match(key(pattern), name); err != nil {
			return nil, err
		} else if matched {
			found = append(found, "/"+name)
		}
	}
	sort.Strings(found)
	return found, nil
}

func (m memory) Walk(string, filepath.WalkFunc) error {
	return missing("walk", "/", fs.ErrInvalid)
}

// jail is a directory on disk as kustomize's file system: nothing outside of it is seen, also not through symbolic
// links; `changed` holds files that look different from what is on disk.
type jail struct {
	readOnly
	disk    filesys.FileSystem
	root    string
	changed map[string][]byte
}

func newJail(root string) (jail, error) {
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return jail{}, err
	}
	return jail{disk: filesys.MakeFsOnDisk(), root: real, changed: map[string][]byte{}}, nil
}

// admit gives the real place of a path, or an error where it lies outside.
func (j jail) admit(name string) (string, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(j.root, name)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return "", missing("open", j.shown(name), fs.ErrNotExist)
	}
	if real != j.root && !strings.HasPrefix(real, j.root+string(filepath.Separator)) {
		return "", refused("path", "%s leads out of the root", j.shown(name))
	}
	return real, nil
}

// shown is a path as the user knows it: relative to the root.
func (j jail) shown(name string) string {
	if relative, err := filepath.Rel(j.root, name); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return name
}

func (j jail) IsDir(name string) bool {
	real, err := j.admit(name)
	return err == nil && j.disk.IsDir(real)
}

func (j jail) Exists(name string) bool {
	_, err := j.admit(name)
	return err == nil
}

func (j jail) ReadDir(name string) ([]string, error) {
	real, err := j.admit(name)
	if err != nil {
		return nil, err
	}
	return j.disk.ReadDir(real)
}

func (j jail) ReadFile(name string) ([]byte, error) {
	real, err := j.admit(name)
	if err != nil {
		return nil, err
	}
	if body, found := j.changed[real]; found {
		return body, nil
	}
	if info, err := os.Stat(real); err == nil && !info.IsDir() && (!info.Mode().IsRegular() || info.Size() > maxText) {
		return nil, refused("path", "%s is no regular file, or larger than %d bytes", j.shown(name), maxText)
	}
	return j.disk.ReadFile(real)
}

func (j jail) Open(name string) (filesys.File, error) {
	return nil, missing("open", name, fs.ErrInvalid)
}

func (j jail) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	real, err := j.admit(name)
	if err != nil {
		return "", "", err
	}
	return j.disk.CleanedAbs(real)
}

func (j jail) Glob(pattern string) ([]string, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(j.root, pattern)
	}
	all, err := j.disk.Glob(pattern)
	var found []string
	for _, name := range all {
		if _, err := j.admit(name); err == nil {
			found = append(found, name)
		}
	}
	return found, err
}

func (j jail) Walk(string, filepath.WalkFunc) error {
	return missing("walk", j.root, fs.ErrInvalid)
}
