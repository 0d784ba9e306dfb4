"""Repositories, clusters and manifests that exist in memory only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from plat.api import Manifest, Ref, UserError, nearest, ref_of
from plat.testing.trees import FakeTree, Files


class FakeGit:
    """Repositories by address: the files at HEAD, or files by revision under `(address, revision)`.

    `asked` has every (address, revision) in order. What is not there raises UserError, as a real repository does.
    """

    def __init__(
        self,
        repositories: Mapping[str | tuple[str, str], Files | FakeTree] | None = None,
        *,
        refs: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        given = (repositories or {}).items()
        self._files = {key if isinstance(key, tuple) else (key, "HEAD"): files for key, files in given}
        self._refs = refs or {}
        self.asked: list[tuple[str, str]] = []

    async def tree(self, url: str, revision: str = "HEAD") -> FakeTree:
        """Return a tree of its own for each call, as the core does; a FakeTree that was given is returned itself."""
        self.asked.append((url, revision))
        if (url, revision) not in self._files:
            known = sorted({address for address, _ in self._files})
            raise UserError(f"there is no {revision} of {url}", where=url, remedy=nearest(url, known))
        files = self._files[url, revision]
        return files if isinstance(files, FakeTree) else FakeTree(files, url=url)

    async def refs(self, url: str, *globs: str) -> Mapping[str, str]:
        """Return the refs that match any of the globs, by name."""
        refs = self._refs.get(url, {})
        return {name: oid for name, oid in refs.items() if any(fnmatchcase(name, glob) for glob in globs or ("*",))}


@dataclass(frozen=True, kw_only=True)
class FakeCluster:
    """One cluster and the objects in it."""

    name: str
    server: str = ""
    project: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    objects: Sequence[Manifest] = ()

    async def get(self, ref: Ref) -> Manifest | None:
        """Return one object, or None."""
        return FakeLookup(self.objects).get(ref)

    async def list(self, ref: Ref) -> Sequence[Manifest]:
        """Return the objects of a kind, by namespace and labels where the reference has some."""
        return FakeLookup(self.objects).list(ref)


class FakeLookup:
    """The stack's other manifests, for dialects. `asked` has what was looked up."""

    def __init__(self, manifests: Iterable[Manifest] = ()) -> None:
        self._manifests = tuple(manifests)
        self.asked: list[Ref] = []

    def get(self, ref: Ref) -> Manifest | None:
        """Return one manifest, or None."""
        self.asked.append(ref)
        return next((manifest for manifest in self._manifests if ref_of(manifest) == ref), None)

    def list(self, ref: Ref) -> Sequence[Manifest]:
        """Return the manifests of a kind, by namespace and labels where the reference has some."""
        self.asked.append(ref)
        return [manifest for manifest in self._manifests if _fits(manifest, ref)]


def _fits(manifest: Manifest, ref: Ref) -> bool:
    found = ref_of(manifest)
    labels = (manifest.get("metadata") or {}).get("labels") or {}
    return (
        (found.group, found.kind) == (ref.group, ref.kind)
        and ref.namespace in ("", found.namespace)
        and ref.name in ("", found.name)
        and all(labels.get(key) == value for key, value in ref.labels.items())
    )
