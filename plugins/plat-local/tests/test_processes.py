from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from plat_local._home import Home
from plat_local._processes import end, last_words, running, start

SLEEP = ["/bin/sleep", "60"]
STUBBORN = ["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do /bin/sleep 0.05; done"]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home.of(tmp_path, "a")
    yield home
    end(home, ["p", "q"], patience=0)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_program_runs_in_a_session_of_its_own(home: Home) -> None:
    start(home, "p", SLEEP)
    pid = running(home, "p")
    assert pid is not None
    assert os.getsid(pid) == pid
    assert os.getsid(pid) != os.getsid(0)


def test_a_program_outlives_who_started_it(home: Home) -> None:
    script = (
        "from pathlib import Path; from plat_local._home import Home; from plat_local._processes import start;"
        f"start(Home(Path({str(home.root)!r})), 'p', {SLEEP!r})"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
    assert running(home, "p") is not None


def test_its_environment_is_empty_and_its_output_is_kept(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    start(home, "p", ["/bin/sh", "-c", "echo proxy=$HTTPS_PROXY; echo bad >&2"])
    deadline = time.monotonic() + 5
    while running(home, "p") is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert last_words(home, "p") == "proxy=\nbad"


def test_the_log_of_the_time_before_is_kept(home: Home) -> None:
    start(home, "p", ["/bin/sh", "-c", "echo first"])
    end(home, ["p"], patience=5)
    start(home, "p", SLEEP)
    assert home.log("p").with_suffix(".log.1").exists()


@pytest.mark.parametrize("patience", [0, 5])
def test_a_program_is_ended(home: Home, patience: float) -> None:
    start(home, "p", SLEEP)
    pid = running(home, "p")
    assert pid is not None
    end(home, ["p"], patience=patience)
    assert running(home, "p") is None
    assert not is_alive(pid)
    assert not home.pid("p").exists()


def test_one_that_does_not_listen_is_killed(home: Home) -> None:
    start(home, "p", STUBBORN)
    while "deaf" not in last_words(home, "p"):
        time.sleep(0.01)
    end(home, ["p"], patience=0.2)
    assert running(home, "p") is None


def test_one_that_ended_by_itself_does_not_run(home: Home) -> None:
    start(home, "p", ["/bin/sh", "-c", "exit 3"])
    deadline = time.monotonic() + 5
    while running(home, "p") is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_program_that_is_not_there_says_so_in_its_log(home: Home) -> None:
    start(home, "p", ["/no/such/program"])
    deadline = time.monotonic() + 5
    while running(home, "p") is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "/no/such/program" in last_words(home, "p")


def test_a_pid_that_belongs_to_someone_else_now_is_never_ended(home: Home) -> None:
    start(home, "p", SLEEP)
    ours = home.pid("p").read_text()
    with subprocess.Popen(SLEEP) as stranger:
        boot, _, stat = ours.partition("\n")
        home.pid("q").write_text(f"{boot}\n{stranger.pid} {stat.partition(' ')[2]}")
        assert running(home, "q") is None
        end(home, ["q"], patience=0)
        assert stranger.poll() is None
        stranger.kill()


def test_a_pid_of_the_boot_before_is_not_ours(home: Home) -> None:
    start(home, "p", SLEEP)
    kept = home.pid("p").read_text()
    home.pid("q").write_text("another-boot\n" + kept.partition("\n")[2])
    assert running(home, "p") is not None
    assert running(home, "q") is None


@pytest.mark.parametrize("content", ["", "\n", "boot\n", "boot\nnot-a-pid", "boot\n1 (init) S", "12 junk"])
def test_a_broken_pid_file_is_nobody(home: Home, content: str) -> None:
    home.pid("p").parent.mkdir(parents=True)
    home.pid("p").write_text(content)
    assert running(home, "p") is None


def test_ending_what_never_ran_is_fine(home: Home) -> None:
    end(home, ["p", "q"], patience=1)
