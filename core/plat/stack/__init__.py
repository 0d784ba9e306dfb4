"""The stack file: `plat.yaml` read, checked and turned into frozen settings. It starts nothing."""

from __future__ import annotations

from plat.stack.load import FILE, Document, Reader, Stack, implicit, load
from plat.stack.model import ClusterUse, StackFile
from plat.stack.places import line_of

__all__ = ["FILE", "ClusterUse", "Document", "Reader", "Stack", "StackFile", "implicit", "line_of", "load"]
