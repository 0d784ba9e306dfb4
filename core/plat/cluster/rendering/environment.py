"""The build environment of a source (spec/cluster §2.3), and which of it a render has used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from plat.api import Application, Source


def environment(app: Application, source: Source, revision: str, kube_version: str, apis: str) -> dict[str, str]:
    """Return the variables that `$X` in renderer fields may name."""
    prefix = app.camp.env_prefix
    return {
        f"{prefix}NAME": app.name,
        f"{prefix}NAMESPACE": app.destination.namespace,
        f"{prefix}PROJECT_NAME": app.project,
        f"{prefix}REVISION": revision,
        f"{prefix}REVISION_SHORT": revision[:7],
        f"{prefix}REVISION_SHORT_8": revision[:8],
        f"{prefix}SOURCE_REPO_URL": source.url,
        f"{prefix}SOURCE_PATH": source.path,
        f"{prefix}SOURCE_TARGET_REVISION": source.revision,
        "KUBE_VERSION": kube_version,
        "KUBE_API_VERSIONS": apis,
    }


class Recording(Mapping[str, str]):
    """The environment as a renderer sees it: what it looks up becomes part of the cache key, the rest does not.

    So a new commit changes ARGOCD_APP_REVISION without making every render of the repository anew.
    """

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.used: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        value = self._values[name]
        self.used[name] = value
        return value

    def __iter__(self) -> Iterator[str]:
        self.used.update(self._values)
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
