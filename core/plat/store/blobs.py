"""Files by the digest of their content: renders, plans, logs. Encrypted where they may hold secrets.

A name is the SHA-256 of the content in clear, so two runs that store the same store it once. What is read is checked.
An encrypted file is AES-256-GCM under a key of its own file (0600): no key, no content.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from plat.api import UserError
from plat.store.faults import file_fault

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_MAGIC: Final = b"plat-blob-1\n"
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12  # NIST SP 800-38D: 96 bits


class Blobs:
    """Content below a directory. With `key`, a path, everything is encrypted; the key is made on first use.

    UserError: no space, no rights, a key that is missing or is not the one, a file that somebody changed.
    """

    def __init__(self, directory: Path, *, key: Path | None = None) -> None:
        self._directory = directory
        self._key = key

    async def put(self, data: bytes) -> str:
        """Store content and return its digest. All of it is on disk then, or nothing."""
        return await asyncio.to_thread(self._put, data)

    async def get(self, digest: str) -> bytes | None:
        """Return content, or None where there is none of that digest."""
        return await asyncio.to_thread(self._get, digest)

    async def has(self, digest: str) -> bool:
        """Say whether there is content of that digest."""
        return await asyncio.to_thread(self._path(digest).exists)

    def _path(self, digest: str) -> Path:
        if not _DIGEST.fullmatch(digest):
            raise UserError(f"{digest[:80]!r} is not a digest", remedy="a digest is 64 hexadecimal digits")
        return self._directory / digest[:2] / (digest + (".sealed" if self._key else ""))

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        path = self._path(digest)
        if not path.exists():
            with _faults(path):
                write_whole(path, self._seal(data, digest) if self._key else data)
        return digest

    def _get(self, digest: str) -> bytes | None:
        path = self._path(digest)
        with _faults(path):
            try:
                stored = path.read_bytes()
            except FileNotFoundError:
                return None
            data = self._open(stored, digest, path=path) if self._key else stored
        if hashlib.sha256(data).hexdigest() != digest:
            raise _spoilt(path)
        return data

    def _seal(self, data: bytes, digest: str) -> bytes:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # takes 40 ms, rarely needed

        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + AESGCM(self._secret(create=True)).encrypt(nonce, data, digest.encode())

    def _open(self, stored: bytes, digest: str, *, path: Path) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # as in _seal
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        secret = self._secret(create=False)
        nonce, sealed = stored[len(_MAGIC) :][:_NONCE_BYTES], stored[len(_MAGIC) + _NONCE_BYTES :]
        if not stored.startswith(_MAGIC) or len(nonce) < _NONCE_BYTES:
            raise _spoilt(path)
        try:
            return AESGCM(secret).decrypt(nonce, sealed, digest.encode())
        except InvalidTag:
            remedy = f"put back the key that it was written under ({self._key}), or delete the file"
            raise UserError("this was changed, or written under another key", where=str(path), remedy=remedy) from None

    def _secret(self, *, create: bool) -> bytes:
        """Return the key. It is never made anew beside content that only another one opens."""
        path = self._key or Path()
        if not path.exists():
            if not create or next(self._directory.glob("*/*.sealed"), None):
                remedy = "put the key back, or delete the directory of the blobs"
                raise UserError("the key of the encrypted blobs is missing", where=str(path), remedy=remedy)
            write_whole(path, os.urandom(_KEY_BYTES), replace=False)
        secret = path.read_bytes()
        if len(secret) != _KEY_BYTES:
            remedy = "put the right key back; it is never printed nor sent anywhere"
            raise UserError("this is not a key of plat", where=str(path), remedy=remedy)
        if path.stat().st_mode & 0o077:
            raise UserError("others can read this key", where=str(path), remedy=f"run: chmod 600 {path}")
        return secret


def write_whole(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a file for its owner only (0600) so that it is there completely or not at all, also after a loss of power.

    Without `replace`, a file that somebody else made meanwhile stays. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            Path(name).replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _spoilt(path: Path) -> UserError:
    return UserError("this is not what was stored", where=str(path), remedy="delete the file; it is made again")


@contextlib.contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise file_fault(error, path) from None
