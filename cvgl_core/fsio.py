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


def make_folder(folder: Path) -> None:
    """Make a folder, and those it lies in, so that they survive a power loss."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        fsync_folder(path.parent)


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
    with atomic_path(target) as temporary, output_errors(target, len(data)):
        temporary.write_bytes(data)


@contextmanager
def output_errors(target: Path, needed_bytes: int = 0) -> Iterator[None]:
    """Translate operating-system errors while writing ``target`` into ``OutputError``.

    Args:
        target: what is written.
        needed_bytes: about how much that takes in all, if it is known.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = f", {max(needed_bytes, 1e5) / 1e6:.1f} MB are needed" if needed_bytes else ""
            message = (
                f"{target}: the disk is full{needed}; "
                "free some space and run the same command again"
            )
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
