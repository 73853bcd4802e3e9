"""The codes of an index on disk: a cache, made when it is first needed, never a source of truth.

``cache/codes.json`` says which version of which index was coded, and holds the checksum of the file
that it names: three arrays one behind the other, whose shapes follow from the index. What is
damaged, stale or from elsewhere is made anew from the descriptors.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError, OutputError
from cvgl_core.index.codes import CodeArrays, Codes, code_bytes, faiss_version, make_codes
from cvgl_core.index.manifest import (
    FileRecord,
    Manifest,
    Record,
    Sha256,
    Text,
    digest_of,
    parse_record,
    sealed_bytes,
    unseal,
)
from cvgl_core.index.search import Rows
from cvgl_core.types import Progress, no_progress

_LOG = logging.getLogger(__name__)
_FOLDER = "cache"
_RECORD_NAME = "codes.json"
_MAX_RECORD_BYTES = 1 << 16


class CodesOrigin(Record):
    """What codes were made of: a version of an index, its descriptors, and what coded them."""

    index_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    version: int = Field(ge=1, le=2**31)
    descriptors: Sha256
    software: Text


class CodesRecord(Record):
    """Codes on disk."""

    format: Literal["cvgl-codes"] = "cvgl-codes"
    format_version: Literal[1] = 1
    origin: CodesOrigin
    file: FileRecord

    @property
    def file_name(self) -> str:
        """Name of the file that holds the arrays."""
        return f"codes-{self.file.sha256[:16]}.bin"


def open_codes(
    path: Path, manifest: Manifest, gallery: Rows, progress: Progress = no_progress
) -> Codes:
    """Return the codes of an index, from its cache if that is whole and of this version.

    Otherwise they are made, and kept if the folder can be written.

    Args:
        path: the index folder.
        manifest: the version that is open.
        gallery: its descriptors.
        progress: told while codes are made.

    Raises:
        IndexCorruptError: the descriptors are not as they were written.
    """
    try:
        return Codes(_read(path / _FOLDER, manifest))
    except FileNotFoundError:
        pass
    except (IndexCorruptError, OSError) as error:
        _LOG.warning("%s; the codes are made anew", error)
    # Of what takes this long, somebody has to hear: of the progress, or else of this.
    level = logging.WARNING if progress is no_progress else logging.INFO
    _LOG.log(level, "%s: coding %d tiles for quick search, once", path, manifest.tile_count)
    arrays = make_codes(gallery, progress)
    try:
        _write(path / _FOLDER, manifest, arrays)
    except OutputError as error:
        _LOG.warning("%s; the codes will be made again next time", error)
    return Codes(arrays)


def _read(folder: Path, manifest: Manifest) -> CodeArrays:
    """Return the arrays of a cache.

    Raises:
        FileNotFoundError: there is none.
        IndexCorruptError: it is not as it was written, or belongs to another version.
    """
    path = folder / _RECORD_NAME
    if folder.is_symlink():
        raise IndexCorruptError(f"{folder}: leads out of the index folder")
    with path.open("rb") as stream:
        record = parse_record(CodesRecord, unseal(stream.read(_MAX_RECORD_BYTES), path), path)
    if record.origin != _origin(manifest):
        raise IndexCorruptError(f"{path}: belongs to another version of the index")
    data = folder / record.file_name
    rows, dim = manifest.tile_count, manifest.descriptor_dim
    size = 4 * dim * dim + 4 * dim + rows * code_bytes(dim)
    same = not data.is_symlink() and data.stat().st_size == size == record.file.file_bytes
    if not same or fsio.sha256_file(data) != record.file.sha256:
        raise IndexCorruptError(f"{data}: is not as it was written")
    stored = np.memmap(data, np.uint8, mode="r")
    turn, centre, codes = np.split(stored, [4 * dim * dim, 4 * dim * dim + 4 * dim])
    return CodeArrays(
        turn.view("<f4").reshape(dim, dim), centre.view("<f4"), codes.reshape(rows, -1)
    )


def _write(folder: Path, manifest: Manifest, arrays: CodeArrays) -> None:
    """Write a cache: the arrays, then the record that makes them count.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    if folder.is_symlink():
        raise OutputError(f"{folder}: leads out of the index folder; nothing is written there")
    unnamed = folder / "codes.bin"
    with fsio.atomic_path(unnamed) as temporary:
        with temporary.open("wb") as stream:
            for array in (arrays.turn, arrays.centre, arrays.codes):
                stream.write(np.ascontiguousarray(array).data)
        found = FileRecord(file_bytes=temporary.stat().st_size, sha256=fsio.sha256_file(temporary))
    record = CodesRecord(origin=_origin(manifest), file=found)
    with fsio.output_errors(folder):
        unnamed.replace(folder / record.file_name)
    fsio.write_bytes(folder / _RECORD_NAME, sealed_bytes(record))
    for other in folder.glob("codes-*.bin"):
        if other.name != record.file_name:
            with suppress(OSError):
                other.unlink()


def _origin(manifest: Manifest) -> CodesOrigin:
    """Return what the codes of a version are made of."""
    return CodesOrigin(
        index_id=manifest.index_id,
        version=manifest.version,
        descriptors=digest_of([shard.descriptors.sha256 for shard in manifest.shards]),
        software=f"faiss {faiss_version()}",
    )
