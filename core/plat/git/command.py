"""One run of the git command: hardened settings, deadlines, errors that say whose fault it was. Knows no repository."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from plat.api import UnavailableError, UserError
from plat.git.login import Offer
from plat.git.trouble import explained, masked

_PLACES: Final = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_CONFIG_PARAMETERS",
        "GIT_EXTERNAL_DIFF",
        "GIT_AUTHOR_NAME",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_DATE",
        "GIT_COMMITTER_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_DATE",
        "GIT_TRACE",
        "GIT_CURL_VERBOSE",
        "GIT_TRACE_CURL",
    }
)
"""Variables of a surrounding git (plat may run inside a hook) that would lead our runs elsewhere or print secrets."""
_SETTINGS: Final = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("credential.useHttpPath", "false"),
    ("http.followRedirects", "initial"),
    ("submodule.recurse", "false"),
    ("advice.detachedHead", "false"),
    ("protocol.version", "2"),
)
_FIXED: Final = {
    "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GCM_INTERACTIVE": "never",
    "SSH_ASKPASS_REQUIRE": "never",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class Ended:
    """How a run ended. `errors` is masked."""

    code: int
    output: bytes
    errors: str


class GitCommand:
    """Runs git without a shell, a terminal or hooks, in a session of its own so that it can be ended whole."""

    def __init__(self, environ: Mapping[str, str], *, parallel: int = 8) -> None:
        self._environ = {name: value for name, value in environ.items() if name not in _PLACES} | _FIXED
        self._slots = asyncio.Semaphore(parallel)

    def environ(self, offer: Offer | None = None) -> dict[str, str]:
        """Return the variables of a run: the user's own, our settings, and what was offered for this run."""
        settings = [*_SETTINGS, *(offer.settings if offer else ())]
        first = int(self._environ.get("GIT_CONFIG_COUNT") or 0)
        environ = {**self._environ, "GIT_CONFIG_COUNT": str(first + len(settings))}
        for number, (key, value) in enumerate(settings, start=first):
            environ[f"GIT_CONFIG_KEY_{number}"] = key
            environ[f"GIT_CONFIG_VALUE_{number}"] = value
        return environ | dict(offer.environ if offer else {})

    async def run(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        offer: Offer | None = None,
        deadline: timedelta = timedelta(minutes=2),
        stdin: bytes = b"",
    ) -> Ended:
        """Run git to its end. Raises UserError where git is missing, UnavailableError after the deadline."""
        async with self._slots:
            try:
                process = await asyncio.create_subprocess_exec(
                    "git",
                    *arguments,
                    cwd=cwd,
                    env=self.environ(offer),
                    stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                    start_new_session=True,
                )
            except FileNotFoundError as error:
                if error.filename == "git":
                    raise UserError("git is not on PATH", remedy="install git 2.31 or newer") from None
                raise UnavailableError(f"{cwd} is gone", code="gone") from error
            output, errors = await _finish(process, arguments, stdin, deadline)
        text = masked(errors.decode("utf-8", "replace"), offer.secrets if offer else ())
        return Ended(process.returncode or 0, output, text)

    async def output(
        self,
        arguments: Sequence[str],
        *,
        cwd: Path,
        offer: Offer | None = None,
        deadline: timedelta = timedelta(minutes=2),
        ok: Collection[int] = (0,),
    ) -> str:
        """Run git and return what it printed; any other code than `ok` is raised as the error that it means."""
        ended = await self.run(arguments, cwd=cwd, offer=offer, deadline=deadline)
        if ended.code not in ok:
            raise explained(ended.errors, what=_verb(arguments))
        return ended.output.decode("utf-8", "surrogateescape")


async def _finish(
    process: asyncio.subprocess.Process, arguments: Sequence[str], stdin: bytes, deadline: timedelta
) -> tuple[bytes, bytes]:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await process.communicate(stdin or None)
    except TimeoutError:
        await _end(process)
        raise UnavailableError(f"{_verb(arguments)} took longer than {deadline}", code="deadline") from None
    except BaseException:
        await _end(process)
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    """End git and what it started; its transports are closed when it is gone."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.communicate())


def _verb(arguments: Sequence[str]) -> str:
    return "git " + next((word for word in arguments if not word.startswith("-")), "")
