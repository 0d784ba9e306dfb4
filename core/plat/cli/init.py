"""`plat init`: a first plat.yaml, from what a directory holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from plat.api import UserError
from plat.cli.console import directory, say

_KIND = re.compile(r"^kind:\s*(Application|ApplicationSet|AppProject)\s*$", re.MULTILINE)
_ARGO = re.compile(r"^apiVersion:\s*argoproj\.io/", re.MULTILINE)


def run(
    ctx: typer.Context,
    context: Annotated[str, typer.Option(help="The kubeconfig context to bring to what git says.")] = "",
) -> None:
    """Write plat.yaml for the directory: where its manifests are, and which cluster `in-cluster` means."""
    root = directory(ctx).resolve()
    file = root / "plat.yaml"
    if file.exists():
        raise UserError("exists already", where=str(file), remedy="edit it, or delete it first")
    places = _places(root)
    file.write_text(_text(root, places, context))
    found = f"It reads {', '.join(places)}." if places else "It found no Argo CD manifest; name their folder in it."
    say(f"Wrote {file}. {found}")
    say("Next: `plat validate`, then `plat preview`.")


def _places(root: Path) -> list[str]:
    """Return the top folders that hold Argo CD's manifests, `.` for the root itself."""
    places: set[str] = set()
    for path in sorted((*root.rglob("*.yaml"), *root.rglob("*.yml"))):
        parts = path.relative_to(root).parts
        if any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        if _KIND.search(text) and _ARGO.search(text):
            places.add("." if len(parts) == 1 else f"{parts[0]}/")
    return sorted(places) if "." not in places else ["."]


def _text(root: Path, places: list[str], context: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", root.name.lower()).strip("-")[:53].strip("-") or "stack"
    cluster = (
        f"{{use: kubeconfig, context: {context}, inCluster: true}}" if context else "{use: kubeconfig, inCluster: true}"
    )
    lines = [
        f"stack: {name}",
        "clusters:",
        "  # What https://kubernetes.default.svc means; without `context` the kubeconfig's current one.",
        f"  in-cluster: {cluster}",
        "manifests:",
        *(f"  - {place}" for place in places or ["."]),
    ]
    return "\n".join(lines) + "\n"
