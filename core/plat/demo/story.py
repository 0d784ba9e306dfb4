"""The acts. Each says what happens, shows the command, and lets its real output speak."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

from plat.demo.stage import Stage

NEW_SERVICE = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: search
spec:
  replicas: 1
  selector:
    matchLabels: {app: search}
  template:
    metadata:
      labels: {app: search}
    spec:
      containers:
        - name: search
          image: ghcr.io/your-org/search:v0.1.0
"""


def tell(stage: Stage) -> None:
    """Play all acts; a step that does not come out as told raises PlatError."""
    for number, act in enumerate(ACTS, start=1):
        title = (act.__doc__ or "").splitlines()[0]
        sys.stdout.write(f"\n== Act {number}: {title}\n\n")
        sys.stdout.flush()
        act(stage)


def preview(stage: Stage) -> None:
    """What would happen? Nothing has been changed yet, and `plat preview` changes nothing."""
    _run(stage, "preview")


def up(stage: Stage) -> None:
    """`plat up` brings both clusters to what git says."""
    _run(stage, "up")
    _run(stage, "status")


def new_service(stage: Stage) -> None:
    """A new directory in services/: an application appears, and nobody has written one."""
    folder = stage.checkout("services") / "services" / "search"
    folder.mkdir()
    (folder / "search.yaml").write_text(NEW_SERVICE)
    stage.commit("services", "Add search")
    _say("$ git push   # adds services/search/search.yaml")
    _run(stage, "up")


def drift(stage: Stage) -> None:
    """Somebody edits a Deployment by hand while `plat serve` watches: found, healed, written down."""
    server = stage.start("serve")
    try:
        time.sleep(4)
        _say("$ kubectl -n catalog scale deployment catalog --replicas=5")
        stage.kubectl("nonprod", "-n", "catalog", "scale", "deployment", "catalog", "--replicas=5")
        query = ("-n", "catalog", "get", "deployment", "catalog", "-o", "jsonpath={.spec.replicas}")
        took = stage.wait("the edit to be healed", query, "2", cluster="nonprod")
        time.sleep(0.5)
        _say(f"    healed: git's 2 replicas are back after {took:.1f} s")
    finally:
        stage.stop(server)
    _run(stage, "drift")


def broken(stage: Stage) -> None:
    """A broken commit: that one application says why, the others go on."""
    file = stage.checkout("services") / "services" / "search" / "search.yaml"
    good = file.read_text()
    file.write_text(good.replace("replicas: 1", "replicas: many"))
    values = stage.checkout("services") / "services" / "payments" / "values.yaml"
    values.write_text(values.read_text().replace("replicas: 2", "replicas: 3"))
    stage.commit("services", "Break search, scale payments")
    _say("$ git push   # search: `replicas: many`; payments: 3 replicas")
    _run(stage, "up", check=(1,))
    file.write_text(good)
    stage.commit("services", "Mend search")
    _say("$ git push   # mends it")
    _run(stage, "up")


def again(stage: Stage) -> None:
    """`plat up` again: nothing to do, and nothing is written."""
    _run(stage, "up")
    _run(stage, "history", "--limit", "8")


def without_plat(stage: Stage) -> None:
    """Management is gone: git and kubectl are enough, as ever."""
    shutil.rmtree(stage.root / ".plat")
    stage.kubectl("nonprod", "-n", "catalog", "delete", "deployment", "catalog")
    _say("$ rm -r .plat; plat render catalog | kubectl apply --server-side -f -")
    manifests = stage.output("render", "catalog")
    stage.kubectl("nonprod", "apply", "--server-side", "--field-manager=argocd-controller", "-f", "-", stdin=manifests)


ACTS: tuple[Callable[[Stage], None], ...] = (preview, up, new_service, drift, broken, again, without_plat)


def _run(stage: Stage, *arguments: str, check: tuple[int, ...] = (0,)) -> None:
    _say(f"$ plat {' '.join(arguments)}")
    stage.plat(*arguments, check=check)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
