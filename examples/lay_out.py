"""Lay out an example to play with: its folders below `repos/` become git repositories, one commit each.

Usage: python examples/lay_out.py EXAMPLE TARGET

TARGET/repos/NAME is the bare repository that plat reads; TARGET/work/NAME is a checkout of it to edit and push from.
Standard library and git only.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

AUTHOR = ("-c", "user.name=you", "-c", "user.email=you@example.com", "-c", "commit.gpgsign=false")
NOT_COPIED = shutil.ignore_patterns("repos", ".plat", "__pycache__", "README.md")


def main(arguments: list[str]) -> int:
    """Run the command line; returns the exit code."""
    if len(arguments) != 2:  # noqa: PLR2004  # EXAMPLE and TARGET
        sys.stderr.write("Usage: python examples/lay_out.py EXAMPLE TARGET\n")
        return 2
    example, target = (Path(argument) for argument in arguments)
    if target.exists():
        sys.stderr.write(f"{target} exists already; name a folder that does not, or delete it first.\n")
        return 1
    lay_out(example, target)
    sys.stdout.write(f"Laid out in {target}. Next: cd {target}\n")
    return 0


def lay_out(example: Path, target: Path) -> None:
    """Copy an example to a folder that does not exist yet, and make its repositories."""
    shutil.copytree(example, target, ignore=NOT_COPIED)
    for seed in sorted((example / "repos").iterdir()):
        bare, checkout = target / "repos" / seed.name, target / "work" / seed.name
        shutil.copytree(seed, checkout)
        _git("init", "--quiet", "--bare", "--initial-branch=main", str(bare))
        _git("init", "--quiet", "--initial-branch=main", str(checkout))
        _git("remote", "add", "origin", str(bare.absolute()), cwd=checkout)
        _git("add", "--all", cwd=checkout)
        _git(*AUTHOR, "commit", "--quiet", "-m", "Begin", cwd=checkout)
        _git("push", "--quiet", "--set-upstream", "origin", "main", cwd=checkout)


def _git(*arguments: str, cwd: Path | None = None) -> None:
    subprocess.run(["git", *arguments], cwd=cwd, check=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
