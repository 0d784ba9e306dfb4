"""Retries of a sync (spec/cluster §1.1)."""

from __future__ import annotations

from plat.api import Retry
from plat_argocd.raw.application import RawRetry


def retry_of(raw: RawRetry | None) -> Retry | None:
    """Return the retries; None where no block was given, which is not the same as an empty block."""
    if raw is None:
        return None
    backoff = raw.backoff
    return Retry(
        limit=raw.limit,
        duration=backoff.duration,
        factor=backoff.factor,
        max_duration=backoff.max_duration,
        refresh=raw.refresh,
    )
