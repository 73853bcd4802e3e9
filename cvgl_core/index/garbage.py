"""What an index folder holds besides its version: what the one before and killed builds left."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cvgl_core import fsio
from cvgl_core.index.manifest import MANIFEST_NAME, read_manifest
from cvgl_core.index.sizes import member_folders
from cvgl_core.index.writer import IndexWriter

_HOUR_S = 3600.0
_LOCK_BYTES = 1 << 12


@dataclass(frozen=True)
class Garbage:
    """Shards that no reader needs any more.

    Attributes:
        shards: their folders.
        file_bytes: how large they are together.
        kept: how many others are kept, because they are young.
    """

    shards: tuple[Path, ...]
    file_bytes: int
    kept: int


def find_garbage(folder: Path, keep_hours: float) -> Garbage:
    """Return the shards that the version in a folder has not needed for ``keep_hours``.

    A reader that opened the version before may need its shards, and a build that was stopped goes
    on with what it wrote: the time counts from when the version was made, or the shard if that is
    later.

    Raises:
        NoIndexError: the folder does not exist or holds no finished index.
        IndexCorruptError: the manifest is not as it was written.
        OutputError: the folder cannot be read.
    """
    return _together([_find(member, keep_hours) for member in member_folders(folder)])


def _find(folder: Path, keep_hours: float) -> Garbage:
    """Return the garbage of an index of one tile size."""
    manifest = read_manifest(folder)
    with fsio.output_errors(folder):
        unused = IndexWriter(folder).unused(manifest)
        made_s = (folder / MANIFEST_NAME).stat().st_mtime
        latest_s = time.time() - keep_hours * _HOUR_S
        old = [path for path in unused if max(made_s, path.stat().st_mtime) <= latest_s]
        sizes = [file.stat().st_size for path in old for file in path.iterdir()]
    return Garbage(tuple(old), sum(sizes), len(unused) - len(old))


def remove_garbage(folder: Path, keep_hours: float) -> Garbage:
    """Remove what ``find_garbage`` finds, and half-written files; return what was removed.

    Raises:
        NoIndexError: the folder does not exist or holds no finished index.
        IndexCorruptError: the manifest is not as it was written.
        IndexLockedError: another process is building this index.
        OutputError: the folder cannot be written.
    """
    removed = []
    for member in member_folders(folder):
        read_manifest(member)  # what is no index is left alone
        with IndexWriter(member, _LOCK_BYTES) as writer:
            found = _find(member, keep_hours)
            writer.drop(found.shards)
        removed.append(found)
    return _together(removed)


def _together(found: Sequence[Garbage]) -> Garbage:
    """Return the garbage of several indexes as one."""
    return Garbage(
        tuple(path for one in found for path in one.shards),
        sum(one.file_bytes for one in found),
        sum(one.kept for one in found),
    )
