"""One shard: a block of neighbouring tiles, their descriptors and the imagery under them.

A shard is a folder of ``.npy`` files and ``shard.json``, written under a temporary name and
renamed when whole. Tiles are windows of the imagery, so each pixel is stored about once. A file is
opened only if its first bytes are the very header that its record promises: nothing of what a
stranger wrote is parsed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError
from cvgl_core.index.manifest import (
    DamagedRecord,
    FileRecord,
    MapRecord,
    ShardRecord,
    parse_record,
    sealed_bytes,
    unseal,
)
from cvgl_core.index.maps import ReducedMaps
from cvgl_core.index.npy import npy_bytes, npy_header, write_npy, write_synced
from cvgl_core.index.picture import MOST_PIXELS, jpeg_of, pixels_of, reduced, reduced_size
from cvgl_core.types import BoolArray, UInt8Array

TILE_DTYPE = np.dtype(
    [("row", "<i4"), ("col", "<i4"), ("lon", "<f8"), ("lat", "<f8"), ("valid_fraction", "<f4")]
)
RECORD_NAME = "shard.json"
ARRAY_NAMES = ("descriptors", "tiles", "imagery", "valid", "maps", "map_basis")
PICTURE = "imagery_jpeg"
THUMBNAILS = "thumbnails"
_PICTURE_NAMES = {PICTURE: "imagery.jpg", THUMBNAILS: "thumbnails.jpg"}
TEMPORARY_PREFIX = ".tmp-"

AnyArray = NDArray[Any]


@dataclass(frozen=True)
class ShardData:
    """What a shard holds before it is written.

    Attributes:
        top_px: pixel row of the imagery's first pixel on the lattice of the grid.
        left_px: its pixel column.
        descriptors: ``[N, D]``, rounded to half precision when stored.
        tiles: table ``[N]`` of ``TILE_DTYPE``, by row and column.
        imagery: ``[H, W, 3]``, filled where there is no picture.
        valid: ``[H, W]``, where there is picture.
        maps: detailed maps of the tiles, if they are kept.
        damaged: tiles that could not be read whole.
        jpeg: whether the imagery is stored as JPEG.
        thumbnails: whether a small copy of the imagery is stored.
        acquired: days on which the imagery of the tiles was taken; see ``ShardRecord``.
    """

    top_px: int
    left_px: int
    descriptors: NDArray[np.floating[Any]]
    tiles: AnyArray
    imagery: UInt8Array
    valid: BoolArray
    maps: ReducedMaps | None = None
    damaged: tuple[DamagedRecord, ...] = ()
    jpeg: bool = False
    acquired: tuple[str, ...] = ()
    thumbnails: bool = False


def file_keys(record: ShardRecord) -> tuple[str, ...]:
    """Return the names of the files that a shard says it has, besides its record."""
    keys = (*ARRAY_NAMES, *_PICTURE_NAMES)
    return tuple(key for key in keys if getattr(record, key) is not None)


def file_name(key: str) -> str:
    """Return how a file of a shard is called."""
    return _PICTURE_NAMES.get(key, f"{key}.npy")


def expected_layout(
    record: ShardRecord, dim: int, maps: MapRecord | None
) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Return element type and shape of each array of a shard."""
    height, width = record.height_px, record.width_px
    layout: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
        "descriptors": (np.dtype("<f2"), (record.tile_count, dim)),
        "tiles": (TILE_DTYPE, (record.tile_count,)),
        "valid": (np.dtype("u1"), (height, (width + 7) // 8)),
    }
    if record.imagery_jpeg is None:
        layout["imagery"] = (np.dtype("u1"), (height, width, 3))
    if maps is not None:
        kept = maps.kept_channels
        layout["maps"] = (np.dtype("i1"), (record.tile_count, maps.height, maps.width, kept))
        layout["map_basis"] = (np.dtype("<f4"), (maps.channels, kept))
    return layout


def stored_bytes(folder: Path, record: ShardRecord, dim: int, maps: MapRecord | None) -> int:
    """Return how large a shard's files are together, from its record alone.

    Raises:
        IndexCorruptError: the record contradicts itself or what its index says.
    """
    layout = expected_layout(record, dim, maps)
    if set(file_keys(record)) - set(_PICTURE_NAMES) != set(layout):
        raise IndexCorruptError(f"{folder / record.name}: has not the files of its index")
    pictures = [one.file_bytes for one in (record.imagery_jpeg, record.thumbnails) if one]
    total = sum(pictures)
    if pictures and max(total // 4, record.height_px * record.width_px) > MOST_PIXELS:
        raise IndexCorruptError(f"{folder / record.name}: its imagery is too large")
    for key, (dtype, shape) in layout.items():
        size = npy_bytes(dtype, shape)
        if _file_record(folder, record, key).file_bytes != size:
            raise _another_array(folder / record.name / file_name(key))
        total += size
    return total


def write_shard(folder: Path, name: str, data: ShardData, needed_bytes: int = 0) -> ShardRecord:
    """Write a shard whole or not at all and return its record.

    Args:
        folder: the folder of all shards.
        name: the shard's name; anything else that stands there is replaced.
        data: its arrays.
        needed_bytes: about what the whole index takes, to be told when the disk is full.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    arrays = {
        "descriptors": np.ascontiguousarray(data.descriptors, "<f2"),
        "tiles": np.ascontiguousarray(data.tiles, TILE_DTYPE),
        "valid": np.packbits(data.valid, axis=1),
    }
    small = data.valid.size <= MOST_PIXELS
    jpeg, thumbnails = data.jpeg and small, data.thumbnails and small
    if not jpeg:
        arrays["imagery"] = np.ascontiguousarray(data.imagery, "u1")
    if data.maps is not None:
        arrays["maps"] = np.ascontiguousarray(data.maps.codes, "i1")
        arrays["map_basis"] = np.ascontiguousarray(data.maps.basis, "<f4")
    own_bytes = sum(array.nbytes for array in arrays.values())
    with _temporary(folder, name, max(needed_bytes, own_bytes)) as temporary:
        files = {key: write_npy(temporary / file_name(key), arrays[key]) for key in arrays}
        if jpeg:
            files[PICTURE] = write_synced(temporary / file_name(PICTURE), jpeg_of(data.imagery))
        if thumbnails:
            picture = jpeg_of(reduced(data.imagery))
            files[THUMBNAILS] = write_synced(temporary / file_name(THUMBNAILS), picture)
        record = ShardRecord(
            name=name,
            tile_count=len(data.tiles),
            top_px=data.top_px,
            left_px=data.left_px,
            height_px=data.imagery.shape[0],
            width_px=data.imagery.shape[1],
            damaged=data.damaged,
            acquired=data.acquired,
            **files,
        )
        _put_in_place(temporary, folder, record)
    return record


def adopt_shard(source: Path, folder: Path, record: ShardRecord, needed_bytes: int = 0) -> None:
    """Take over a shard of another index, whole or not at all: link its files, or copy them.

    Args:
        source: the folder of all shards of the other index.
        folder: that of this one.
        record: of the shard.
        needed_bytes: about what the whole index takes, to be told when the disk is full.

    Raises:
        IndexCorruptError: a file of it is missing or not as it was written.
        OutputError: the disk is full or the folder cannot be written.
    """
    with _temporary(folder, record.name, needed_bytes) as temporary:
        for key in file_keys(record):
            check_file(source, record, key)
            path = source / record.name / file_name(key)
            try:
                (temporary / path.name).hardlink_to(path)
            except OSError:  # another disk, or one without links
                shutil.copyfile(path, temporary / path.name)
                fsio.fsync_file(temporary / path.name)
        _put_in_place(temporary, folder, record)


@contextmanager
def _temporary(folder: Path, name: str, needed_bytes: int) -> Iterator[Path]:
    """Yield a new folder for the files of a shard; it is gone afterwards."""
    temporary = folder / f"{TEMPORARY_PREFIX}{name}-{uuid.uuid4().hex}"
    try:
        with fsio.output_errors(folder / name, needed_bytes):
            temporary.mkdir(parents=True)
            yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, folder: Path, record: ShardRecord) -> None:
    """Write a shard's record and give it its name; another may have written the very same one."""
    write_synced(temporary / RECORD_NAME, sealed_bytes(record))
    fsio.fsync_folder(temporary)
    target = folder / record.name
    if target.is_symlink() or target.is_file():
        target.unlink()
    try:
        temporary.rename(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        if not _stands(folder, record):
            _repair(temporary, target, record)
    fsio.fsync_folder(folder)


def _repair(temporary: Path, target: Path, record: ShardRecord) -> None:
    """Replace the files of a damaged shard one by one: none is ever missing, the record is last."""
    names = [*(file_name(key) for key in file_keys(record)), RECORD_NAME]
    for name in names:
        (temporary / name).replace(target / name)
    for other in target.iterdir():
        if other.name not in names:
            shutil.rmtree(other) if other.is_dir() else other.unlink()
    fsio.fsync_folder(target)


def _stands(folder: Path, record: ShardRecord) -> bool:
    """Tell whether a shard is on the disk, every byte as in its record."""
    try:
        if read_record(folder, record.name) != record:
            return False
        for key in file_keys(record):
            check_file(folder, record, key)
    except IndexCorruptError:
        return False
    return True


def read_record(folder: Path, name: str) -> ShardRecord:
    """Return the record that a shard holds about itself.

    Raises:
        IndexCorruptError: it is missing or not as it was written.
    """
    path = _inside(folder, f"{name}/{RECORD_NAME}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error
    record = parse_record(ShardRecord, unseal(data, path), path)
    if record.name != name:
        raise IndexCorruptError(f"{path}: belongs to another shard, {record.name}")
    return record


def check_file(folder: Path, record: ShardRecord, key: str) -> None:
    """Read one file of a shard and compare it with its record.

    Raises:
        IndexCorruptError: it is missing or not as it was written.
    """
    expected = _file_record(folder, record, key)
    path = _inside(folder, f"{record.name}/{file_name(key)}")
    try:
        same_size = path.stat().st_size == expected.file_bytes
        same = same_size and fsio.sha256_file(path) == expected.sha256
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not same:
        raise _not_as_written(path)


def open_array(
    folder: Path, record: ShardRecord, key: str, dim: int, maps: MapRecord | None = None
) -> AnyArray:
    """Return one array of a shard, mapped from its file, read-only; its bytes are not checked.

    Raises:
        IndexCorruptError: the file is not an array of the promised type and shape.
    """
    dtype, shape = expected_layout(record, dim, maps)[key]
    header = npy_header(dtype, shape)
    path = _inside(folder, f"{record.name}/{file_name(key)}")
    try:
        with path.open("rb") as stream:
            found = stream.read(len(header))
        if found != header or path.stat().st_size != npy_bytes(dtype, shape):
            raise _another_array(path)
        return np.memmap(path, dtype, mode="r", offset=len(header), shape=shape)
    except (OSError, ValueError) as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error})") from error


def open_picture(folder: Path, record: ShardRecord, key: str = PICTURE) -> UInt8Array:
    """Return the imagery of a shard that stores it as JPEG, or its thumbnails; nothing is checked.

    Raises:
        IndexCorruptError: the file is not a JPEG of the promised size.
    """
    path = _inside(folder, f"{record.name}/{file_name(key)}")
    size = record.height_px, record.width_px
    return pixels_of(path, *(size if key == PICTURE else reduced_size(*size)))


def load_array(
    folder: Path, record: ShardRecord, key: str, dim: int, maps: MapRecord | None = None
) -> AnyArray:
    """Return one array of a shard, read once into memory and compared with its checksum.

    Raises:
        IndexCorruptError: the file is missing, not as it was written, or not the promised array.
    """
    dtype, shape = expected_layout(record, dim, maps)[key]
    header, expected = npy_header(dtype, shape), _file_record(folder, record, key)
    path = _inside(folder, f"{record.name}/{file_name(key)}")
    size = npy_bytes(dtype, shape)
    try:
        with path.open("rb", buffering=0) as stream:
            if os.fstat(stream.fileno()).st_size != size:
                raise _not_as_written(path)
            found = stream.read(len(header))
            array = np.empty(shape, dtype)
            body = array.reshape(-1).view(np.uint8).data
            filled = 0
            while taken := stream.readinto(body[filled:]):
                filled += taken
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error
    digest = hashlib.sha256(found)
    digest.update(body)
    if digest.hexdigest() != expected.sha256:
        raise _not_as_written(path)
    if found != header:
        raise _another_array(path)
    return array


def _file_record(folder: Path, record: ShardRecord, key: str) -> FileRecord:
    """Return what a shard says about one of its files."""
    expected: FileRecord | None = getattr(record, key)
    if expected is None:
        raise IndexCorruptError(f"{folder / record.name}: has no {key}, which its index promises")
    return expected


def _not_as_written(path: Path) -> IndexCorruptError:
    """Return the error for a file whose checksum is another."""
    return IndexCorruptError(
        f"{path}: is not as it was written; run cvgl-tile build again, or get the folder again"
    )


def _another_array(path: Path) -> IndexCorruptError:
    """Return the error for an array of another type or shape."""
    return IndexCorruptError(f"{path}: is not the array that the manifest promises")


def _inside(folder: Path, name: str) -> Path:
    """Return ``folder / name``; refuse a link on the way from the one to the other."""
    path = folder / name
    if path.is_symlink() or path.parent.is_symlink():
        raise IndexCorruptError(f"{path}: leads out of the index folder")
    return path
