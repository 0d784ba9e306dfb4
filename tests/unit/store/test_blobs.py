from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plat.api import UserError
from plat.store import Blobs

SECRET = b"password: hunter2\n" * 10


@pytest.fixture(params=["clear", "encrypted"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", key=tmp_path / "key" if request.param == "encrypted" else None)


@pytest.fixture
def sealed(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs", key=tmp_path / "key")


def files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


async def test_content_comes_back_by_its_digest(blobs: Blobs) -> None:
    digest = await blobs.put(SECRET)
    assert digest == hashlib.sha256(SECRET).hexdigest()
    assert await blobs.get(digest) == SECRET
    assert await blobs.has(digest)


async def test_what_is_not_there_is_none(blobs: Blobs) -> None:
    assert await blobs.get("0" * 64) is None
    assert not await blobs.has("0" * 64)


async def test_the_same_content_is_stored_once(blobs: Blobs, tmp_path: Path) -> None:
    digests = await asyncio.gather(*(blobs.put(SECRET) for _ in range(10)))
    assert len(set(digests)) == 1
    assert len(files(tmp_path / "blobs")) == 1


async def test_files_are_for_their_owner_only(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.put(SECRET)
    assert {oct(path.stat().st_mode & 0o777) for path in files(tmp_path)} == {"0o600"}


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "0" * 63, "G" * 64, "0" * 64 + "\n"])
async def test_what_is_no_digest_is_refused(blobs: Blobs, digest: str) -> None:
    for ask in (blobs.get, blobs.has):
        with pytest.raises(UserError, match="not a digest"):
            await ask(digest)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data[:-1] + b"x", lambda data: b"", lambda data: data + b"x"]
)
async def test_a_file_that_was_changed_is_not_returned(
    blobs: Blobs, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    digest = await blobs.put(SECRET)
    [path] = files(tmp_path / "blobs")
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=r"not what was stored|was changed") as caught:
        await blobs.get(digest)
    assert caught.value.where == str(path)
    assert caught.value.remedy


async def test_nothing_of_encrypted_content_is_on_disk_in_clear(sealed: Blobs, tmp_path: Path) -> None:
    await sealed.put(SECRET)
    assert all(b"hunter2" not in path.read_bytes() for path in files(tmp_path))


async def test_the_key_opens_in_another_process_and_no_other_key_does(sealed: Blobs, tmp_path: Path) -> None:
    digest = await sealed.put(SECRET)
    assert await Blobs(tmp_path / "blobs", key=tmp_path / "key").get(digest) == SECRET
    (tmp_path / "key").write_bytes(b"x" * 32)
    with pytest.raises(UserError, match="another key") as caught:
        await sealed.get(digest)
    assert "hunter2" not in str(caught.value)


async def test_two_contents_in_each_others_place_are_not_returned(sealed: Blobs, tmp_path: Path) -> None:
    digest = await sealed.put(SECRET)
    await sealed.put(b"other")
    one, other = files(tmp_path / "blobs")
    one_data, other_data = one.read_bytes(), other.read_bytes()
    one.write_bytes(other_data)
    other.write_bytes(one_data)
    with pytest.raises(UserError):
        await sealed.get(digest)


async def test_a_lost_key_is_never_replaced_beside_what_it_opens(sealed: Blobs, tmp_path: Path) -> None:
    digest = await sealed.put(SECRET)
    (tmp_path / "key").unlink()
    for attempt in (sealed.get(digest), sealed.put(b"new")):
        with pytest.raises(UserError, match="key of the encrypted blobs is missing"):
            await attempt
    assert not (tmp_path / "key").exists()
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize(
    ("prepare", "says"), [(lambda key: key.write_bytes(b"short"), "not a key"), (lambda key: key.mkdir(), "directory")]
)
async def test_without_a_usable_key_nothing_is_written(
    sealed: Blobs, tmp_path: Path, prepare: Callable[[Path], object], says: str
) -> None:
    prepare(tmp_path / "key")
    with pytest.raises(UserError, match=says):
        await sealed.put(SECRET)
    assert files(tmp_path / "blobs") == []


async def test_a_key_that_others_can_read_is_refused(sealed: Blobs, tmp_path: Path) -> None:
    digest = await sealed.put(SECRET)
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(UserError, match="others can read this key"):
        await sealed.get(digest)


async def test_two_that_make_the_key_at_once_use_the_same(tmp_path: Path) -> None:
    both = [Blobs(tmp_path / "blobs", key=tmp_path / "key") for _ in range(8)]
    digests = await asyncio.gather(*(each.put(bytes([number])) for number, each in enumerate(both)))
    assert [await both[0].get(digest) for digest in digests] == [bytes([number]) for number in range(8)]


async def test_a_directory_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "blobs").write_text("")
    with pytest.raises(UserError) as caught:
        await Blobs(tmp_path / "blobs").put(b"x")
    assert str(tmp_path / "blobs") in caught.value.where


_PUTTER = """
import asyncio, sys
from pathlib import Path
from plat.store import Blobs
async def main():
    blobs = Blobs(Path(sys.argv[1]))
    for number in range(100000):
        print(await blobs.put(str(number).encode() * 100000), flush=True)
asyncio.run(main())
"""


def test_a_kill_leaves_whole_files_only(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", _PUTTER, tmp_path], stdout=subprocess.PIPE, text=True) as putter:
        assert putter.stdout
        digests = [putter.stdout.readline().strip() for _ in range(20)]
        os.kill(putter.pid, signal.SIGKILL)
    stored = [path for path in files(tmp_path) if not path.name.startswith(".new-")]
    assert {path.name for path in stored} >= set(digests)
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in stored)


_LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from plat.api import UserError
from plat.store import Blobs
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    asyncio.run(Blobs(Path(sys.argv[1])).put(b"x" * 5000))
except UserError as error:
    sys.exit(str(error))
"""


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", _LIMITED, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "no space left" in done.stderr
    assert files(tmp_path) == []


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=200))
def test_any_content_comes_back(sealed: Blobs, data: bytes) -> None:
    assert asyncio.run(sealed.get(asyncio.run(sealed.put(data)))) == data
