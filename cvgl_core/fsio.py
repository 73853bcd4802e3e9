"""Files that are whole or absent: atomic writes, hashes, confined paths."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cvgl_core.errors import OutputError

_CHUNK_BYTES = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def fsync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make the bytes of a file that is already written survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``target`` that becomes it only when the block succeeds.

    Raises:
        OutputError: the disk is full or the folder cannot be written; ``target`` is untouched.
    """
    temporary = target.with_name(f".{target.name}.tmp{os.getpid()}")
    try:
        with output_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            fsync_file(temporary)
            temporary.replace(target)
            fsync_folder(target.parent)
    finally:
        with suppress(OSError):  # the folder itself may not exist
            temporary.unlink()


def write_bytes(target: Path, data: bytes) -> None:
    """Write ``data`` to ``target`` atomically.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    with atomic_path(target) as temporary:
        temporary.write_bytes(data)


@contextmanager
def output_errors(target: Path) -> Iterator[None]:
    """Translate operating-system errors while writing ``target`` into ``OutputError``."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            message = f"{target}: the disk is full; free some space and run the same command again"
        else:
            message = f"{target}: cannot be written ({error.strerror or error})"
        raise OutputError(message) from error


def confined_path(folder: Path, name: str) -> Path:
    """Return ``folder / name`` if that lies inside ``folder``.

    Raises:
        ValueError: ``name`` is absolute or leads out of the folder, by ``..`` or a link.
    """
    path = folder / name
    if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of {folder}")
    return path
