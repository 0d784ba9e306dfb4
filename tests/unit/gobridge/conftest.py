from __future__ import annotations

import pytest

from plat.gobridge import Bridge


@pytest.fixture
async def bridge():
    async with Bridge(size=1) as bridge:
        yield bridge
