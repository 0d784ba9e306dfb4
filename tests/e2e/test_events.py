"""Plug-ins that listen hear every row of the ledger, and none of them can break a run."""

from __future__ import annotations

import json

from tests.e2e.objects import config

LISTENER = """
import json, os
from plat.api import hookimpl

@hookimpl
def plat_event(event):
    with open(os.environ["HEARD"], "a") as heard:
        heard.write(json.dumps([event.type, event.subject, event.by]) + "\\n")
    raise RuntimeError("a listener that fails changes nothing")
"""


def test_what_is_recorded_is_told(world, tmp_path):
    site, heard = tmp_path / "site", tmp_path / "heard"
    info = site / "listener-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "listener.py").write_text(LISTENER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: listener\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[plat]\nlistener = listener\n")
    world.begin({"app/a.yaml": config("a", {"k": "1"})})
    ran = world.run("up", environ={"PYTHONPATH": str(site), "HEARD": str(heard)})
    assert ran.code == 0, ran
    rows = [json.loads(line) for line in heard.read_text().splitlines()]
    assert rows == [["sync.succeeded", f"argocd/{world.named('')}", "plat (automated)"]]
