"""A real Kubernetes on one machine without a container engine."""

from __future__ import annotations

from plat_local.provider import Local

__all__ = ["Local"]
