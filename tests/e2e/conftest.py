from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from tests.e2e.kube import Kube
from tests.e2e.world import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and "control_plane" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that is nobody's."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def environ(cache: Path) -> Mapping[str, str]:
    """What a user's shell has, and none of their own settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PLAT_CACHE": str(cache), "PYTHONWARNINGS": "error", "PYTHONPATH": ""}


@pytest.fixture
def make_world(tmp_path: Path, control_plane: Any, environ: Mapping[str, str]) -> Iterator[Callable[..., World]]:
    """Make worlds; their namespaces are gone afterwards."""
    made: list[World] = []

    def make(plane: Any = control_plane, *, namespace: bool = True) -> World:
        name = f"e{uuid.uuid4().hex[:7]}"
        kube = Kube(plane.kubeconfig, name)
        world = World(tmp_path / name, name, kube, environ)
        world.clusters = {"one": {"use": "kubeconfig", "kubeconfig": str(plane.kubeconfig_path), "inCluster": True}}
        if namespace:
            kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        made.append(world)
        return world

    yield make
    for world in made:
        world.kube.delete("Namespace", world.name)


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One stack on the shared cluster, with a namespace of its own."""
    return make_world()


@pytest.fixture
def make_bare_world(tmp_path: Path, environ: Mapping[str, str]) -> Callable[[], World]:
    """Make worlds without a cluster, for what ends before one is asked."""
    return lambda: World(tmp_path / "bare", "bare", cast("Kube", None), environ)
