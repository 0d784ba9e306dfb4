"""Is live what is desired? Judged on the fields that we own, remembered by content (DESIGN §9, spec/cluster §3)."""

from __future__ import annotations

from collections.abc import Sequence

__all__: Sequence[str] = []
