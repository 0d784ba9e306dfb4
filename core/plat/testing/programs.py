"""Programs that are not run: what each would have printed, and what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plat.api import Exit, RefusedError, UserError, nearest


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run that was asked for."""

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


class FakeExec:
    """Answers by program, or by its first words (`"terraform plan"`, the longest that fits): an Exit, or its output.

    `runs` has every run. A program without an answer is an AssertionError: the test forgot it.
    """

    def __init__(self, answers: Mapping[str, Exit | str] | None = None) -> None:
        self._answers = answers or {}
        self.runs: list[Run] = []

    async def __call__(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        ok: Collection[int] = (0,),
        on_line: Callable[[str], None] | None = None,
    ) -> Exit:
        """Return how it ended; a code that is not in `ok` raises RefusedError, as the real one does."""
        self.runs.append(Run(argv=argv, cwd=cwd, env=env or {}))
        answer = self._answer(argv)
        done = answer if isinstance(answer, Exit) else Exit(code=0, stdout=answer, stderr="")
        for line in done.stdout.splitlines() if on_line else ():
            on_line(line) if on_line else None
        if done.code not in ok:
            raise RefusedError(f"{argv[0]} ended with {done.code}: {done.stderr.strip()}", code=str(done.code))
        return done

    def _answer(self, argv: tuple[str, ...]) -> Exit | str:
        for count in range(len(argv), 0, -1):
            if (words := " ".join(argv[:count])) in self._answers:
                return self._answers[words]
        raise AssertionError(f"FakeExec has no answer for {' '.join(argv)!r}; known are {sorted(self._answers)}")


class FakePrograms:
    """Paths by program. `asked` has the names in order."""

    def __init__(self, paths: Mapping[str, Path] | None = None) -> None:
        self._paths = paths or {}
        self.asked: list[str] = []

    async def path(self, program: str, *, progress: Callable[[str], None] | None = None) -> Path:
        """Return the path of a program, or raise UserError as the real one does."""
        del progress
        self.asked.append(program)
        if program not in self._paths:
            raise UserError(f"there is no program {program!r}", remedy=nearest(program, list(self._paths)))
        return self._paths[program]
