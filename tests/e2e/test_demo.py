"""The story of `make demo`, played as a stranger would play it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.mark.timeout(300)
def test_the_demo_plays_to_its_end_and_leaves_nothing(tmp_path):
    environ = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "plat", "demo"], env=environ, capture_output=True, text=True, check=False, timeout=280
    )
    out = done.stdout
    assert done.returncode == 0, out + done.stderr
    for line in (
        "Plan: 20 to create, 1 to run.",
        "Done: 6 applications in order, 21 objects changed",
        "services: create search",
        "healed: git's 2 replicas are back after",
        "spec.replicas: git says 2, live was 5, set by kubectl",
        "expected numeric (int or float), got string",
        "Failed: search; 6 of 7 applications in order.",
        "Done: 7 applications in order, nothing to do",
        "deployment.apps/catalog serverside-applied",
        "The end",
    ):
        assert line in out, f"{line!r} is not in\n{out}"
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("plat-demo-*")) == []
