"""`plat demo`: the whole story on two local clusters."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from plat.api import UserError
from plat.cli.console import run_async, say

if TYPE_CHECKING:
    from plat.demo import Stage

CLUSTERS = ("nonprod", "prod")


def run(
    context: Annotated[str, typer.Option(help="Play on this kubeconfig context instead of local clusters.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Leave clusters and repositories to look around.")] = False,
) -> None:
    """Tell the story: preview, up, a new service, a manual edit, a broken commit, and life without plat."""
    from plat.demo import Stage, tell  # noqa: PLC0415  # heavy, and `--help` does not need it

    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="plat-demo-"))
    stage = Stage(folder, reference_stack(), context=context)
    try:
        say("A small shop: two repositories, the ApplicationSet of the article as published, and one of ours.")
        run_async(_clusters(stage))
        stage.set_up()
        tell(stage)
        say(f"\nThe end, after {time.monotonic() - began:.0f} s.")
    finally:
        if keep:
            _look_around(stage)
        else:
            _take_down(stage)


def reference_stack() -> Path:
    """Return the folder of the reference stack `shop`: beside the package when installed, else of the checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "stacks" / "shop", package.parent.parent / "stacks" / "shop"):
        if folder.is_dir():
            return folder
    raise UserError("the reference stack is not part of this installation", remedy="run it from a checkout of plat")


async def _clusters(stage: Stage) -> None:
    import asyncio  # noqa: PLC0415  # only here

    from plat.app.clusters import lone_provider  # noqa: PLC0415  # heavy, and `--help` does not need it

    provider, ctx, caller = lone_provider("", "local", progress=say, environ=stage.environ)
    stage.programs = {"kubectl": await ctx.programs.path("kubectl", progress=say)}
    if stage.context:
        return
    del provider, caller
    made = [lone_provider(name, "local", progress=say, environ=stage.environ) for name in CLUSTERS]
    await asyncio.gather(*(caller.call(plugin, "create", ctx) for plugin, ctx, caller in made))


def _take_down(stage: Stage) -> None:
    from plat.app.clusters import lone_provider  # noqa: PLC0415  # as above

    if stage.context:
        _clean(stage)
    else:
        for name in CLUSTERS:
            provider, ctx, caller = lone_provider(name, "local", progress=lambda _: None, environ=stage.environ)
            run_async(caller.call(provider, "delete", ctx))
    shutil.rmtree(stage.folder, ignore_errors=True)


def _clean(stage: Stage) -> None:
    """Take what the demo made off the given cluster: its applications, then the namespaces that came with them."""
    if not stage.root.exists():
        return
    namespaces = sorted({row["name"] for row in _made(stage)})
    for file in (stage.root / "gitops").iterdir():
        file.unlink()
    stage.plat("up", check=(0, 1, 3))
    if namespaces:
        stage.kubectl("nonprod", "delete", "namespace", "--wait=false", "--ignore-not-found", *namespaces)


def _made(stage: Stage) -> list[dict[str, str]]:
    objects = orjson.loads(stage.output("render", "-o", "json"))
    return [item["metadata"] for item in objects if item["kind"] == "Namespace"]


def _look_around(stage: Stage) -> None:
    say("\nLeft for you to look around:")
    say(f"  cd {stage.root}")
    say(f"  export XDG_DATA_HOME={stage.environ['XDG_DATA_HOME']}")
    say("  plat status; plat why catalog; plat history; plat drift")
    for name in CLUSTERS if not stage.context else ():
        kubeconfig = Path(stage.environ["XDG_DATA_HOME"]) / "plat" / "clusters" / "local" / name / "kubeconfig"
        say(f"  {stage.programs['kubectl']} --kubeconfig {kubeconfig} get pods -A")
    say(f"To take it down: plat cluster delete {'; plat cluster delete '.join(CLUSTERS)}; rm -r {stage.folder}")
