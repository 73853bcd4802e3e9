"""Bringing an index of an older format to today's."""

from __future__ import annotations

from pathlib import Path

from cvgl_core.index.manifest import Manifest, read_manifest
from cvgl_core.index.table import TILE_BYTES
from cvgl_core.index.writer import IndexWriter


def migrate_index(folder: Path) -> Manifest:
    """Write the version that a folder holds in today's format, in place, and return it.

    Shards stay as they are. The version before is whole until the new one is; nothing is written
    if it is of today's format already.

    Raises:
        NoIndexError: the folder does not exist or holds no finished index.
        IndexCorruptError: the manifest or a table of tiles is not as it was written.
        IndexVersionError: the format is one that is no longer read.
        IndexLockedError: another process is building this index.
        OutputError: the disk is full or the folder cannot be written.
    """
    needed_bytes = read_manifest(folder).tile_count * TILE_BYTES
    with IndexWriter(folder, needed_bytes) as writer:
        return writer.commit(read_manifest(folder))
