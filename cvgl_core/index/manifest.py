"""What an index folder says about itself: one small file, checked against its own checksum.

``manifest.json`` is ``{"body": ..., "checksum": ...}`` in canonical JSON (sorted keys, no spaces,
ASCII). The checksum is the SHA-256 of the canonical body, and the file must be byte for byte what
writing its content again would give, so no byte of it can change unnoticed.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError, IndexVersionError, NoIndexError
from cvgl_core.geo import TileGrid

MANIFEST_NAME = "manifest.json"
SIZES_NAME = "sizes.json"
SHARDS_NAME = "shards"
FORMAT_VERSION = 5
OLDEST_READABLE = 2
_MAX_MANIFEST_BYTES = 256 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x1f\x7f]*$")]
ShardName = Annotated[str, Field(pattern=r"^r-?[0-9]{1,7}c-?[0-9]{1,7}-[0-9a-f]{16}$")]
TileNumber = Annotated[int, Field(ge=-(2**31), lt=2**31)]
PixelIndex = Annotated[int, Field(ge=-(2**40), le=2**40)]
Side = Annotated[int, Field(ge=1, le=65536)]
Day = Annotated[str, Field(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]
Level = Annotated[int, Field(ge=0, le=255)]


class Record(BaseModel):
    """Base of what is stored: frozen, no unknown names, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


R = TypeVar("R", bound=Record)


class GridRecord(Record):
    """The tile grid: CRS and metres."""

    crs: str = Field(pattern=r"^EPSG:[0-9]{4,6}$")
    tile_size_m: float = Field(gt=0.0, le=1e5)
    stride_m: float = Field(gt=0.0, le=1e5)


class SourceRecord(Record):
    """A raster that an index was cut from.

    ``stretch`` maps low and high to 0 and 255 per band; ``acquired`` is ISO 8601 or empty.
    """

    name: Text
    file_bytes: int = Field(ge=0)
    fingerprint: Sha256
    driver: Text
    crs: Text
    width_px: int = Field(ge=1)
    height_px: int = Field(ge=1)
    gsd_m_per_px: float = Field(gt=0.0)
    dtype: Text
    bands: tuple[int, ...]
    stretch: tuple[tuple[float, float], ...] = ()
    acquired: Text = ""


class SkippedRecord(Record):
    """A source that could not be used, and why."""

    name: Text
    reason: Text


class FileRecord(Record):
    """A file's size and SHA-256."""

    file_bytes: int = Field(ge=0)
    sha256: Sha256


class DamagedRecord(Record):
    """A tile whose pixels could not all be read from a raster, and why."""

    row: TileNumber
    col: TileNumber
    source: Text
    reason: Text


class ShardRecord(Record):
    """A block of neighbouring tiles and the imagery under them.

    ``top_px, left_px`` place the imagery's first pixel on the lattice of the grid: row and column
    of pixels of ``gsd_m_per_px`` from the origin of the CRS, rows growing southwards. The
    imagery is stored as it is, or as JPEG; ``thumbnails`` is a small copy of it. ``acquired``
    says when the imagery of the tiles was taken: a day for each tile, empty where it is not
    known; one for all; or none at all.
    """

    name: ShardName
    tile_count: int = Field(ge=1, le=65536)
    top_px: PixelIndex
    left_px: PixelIndex
    height_px: Side
    width_px: Side
    descriptors: FileRecord
    tiles: FileRecord
    imagery: FileRecord | None = None
    imagery_jpeg: FileRecord | None = None
    thumbnails: FileRecord | None = None
    valid: FileRecord
    maps: FileRecord | None = None
    map_basis: FileRecord | None = None
    damaged: tuple[DamagedRecord, ...] = ()
    acquired: tuple[Day, ...] = ()

    @model_validator(mode="after")
    def _one_day_a_tile(self) -> ShardRecord:
        """Refuse days that do not belong to the tiles."""
        if len(self.acquired) not in (0, 1, self.tile_count):
            raise ValueError("days of acquisition are as many as tiles")
        return self


class MapRecord(Record):
    """Shape of the tiles' detailed maps, and how many channels of them are kept."""

    channels: int = Field(ge=1, le=65536)
    kept_channels: int = Field(ge=1, le=4096)
    height: int = Field(ge=1, le=1024)
    width: int = Field(ge=1, le=1024)

    @property
    def tile_bytes(self) -> int:
        """Bytes that the map of one tile takes."""
        return self.kept_channels * self.height * self.width

    @property
    def basis_bytes(self) -> int:
        """Bytes that a shard takes once, besides its tiles' maps."""
        return 4 * self.channels * self.kept_channels


class PartRecord(Record):
    """Which part of a build that was shared out an index is: the blocks ``number`` of ``count``."""

    number: int = Field(ge=1)
    count: int = Field(ge=1, le=2**20)


class Manifest(Record):
    """All facts of one version of an index.

    Attributes:
        index_id: hash of all that decides the content; parts carry that of the whole.
        precision: of the arithmetic that made the descriptors.
        runtime: what computed them.
        shared_trunk: whether neighbouring tiles were described together.
        damaged: tiles of blocks without a shard that could not be read.
        tiles: checksum of the table of tiles for other programs; None in older formats.
        part: set while other parts are missing; ``cvgl-tile merge`` puts them together.
    """

    format: Literal["cvgl-index"] = "cvgl-index"
    format_version: Literal[5] = 5
    index_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    version: int = Field(ge=1, le=2**31)
    software: Text
    grid: GridRecord
    model: Text
    weights_sha256: Sha256
    aerial_px: int = Field(ge=1, le=4096)
    descriptor_dim: int = Field(ge=1, le=65536)
    precision: Literal["float32", "bfloat16"] = "float32"
    runtime: Literal["torch", "openvino"] = "torch"
    shared_trunk: bool = False
    maps: MapRecord | None = None
    fill_rgb: tuple[Level, Level, Level]
    min_valid: float = Field(ge=0.0, le=1.0)
    area: Text = ""
    sources: tuple[SourceRecord, ...]
    skipped: tuple[SkippedRecord, ...] = ()
    shards: tuple[ShardRecord, ...]
    tiles: FileRecord | None = None
    damaged: tuple[DamagedRecord, ...] = ()
    part: PartRecord | None = None

    @model_validator(mode="after")
    def _holds_something(self) -> Manifest:
        """Refuse an index without a tile, unless the other parts may have some."""
        if not self.shards and self.part is None:
            raise ValueError("an index holds at least one shard")
        return self

    @property
    def tile_size_m(self) -> float:
        """Side of a tile in ground metres."""
        return self.grid.tile_size_m

    @property
    def gsd_m_per_px(self) -> float:
        """Ground sampling distance of the stored imagery, the model's."""
        return self.grid.tile_size_m / self.aerial_px

    @property
    def stride_px(self) -> int:
        """Distance between neighbouring tiles in pixels of the stored imagery."""
        return round(self.grid.stride_m / self.gsd_m_per_px)

    @property
    def tile_count(self) -> int:
        """Number of tiles in all shards."""
        return sum(shard.tile_count for shard in self.shards)

    def tile_grid(self) -> TileGrid:
        """Return the grid to compute with."""
        return TileGrid(self.grid.crs, self.grid.tile_size_m, self.grid.stride_m)


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value made of plain types.

    Raises:
        ValueError: it holds NaN or infinity.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def digest_of(value: object) -> str:
    """Return the SHA-256 of a plain value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def sealed_bytes(record: Record) -> bytes:
    """Return a record as it is stored: canonical JSON with its checksum."""
    body = record.model_dump(mode="json")
    return canonical_json({"body": body, "checksum": digest_of(body)})


def unseal(data: bytes, path: Path) -> dict[str, object]:
    """Return the body of sealed bytes read from ``path``.

    Raises:
        IndexCorruptError: they are not byte for byte as they were written.
    """
    try:
        envelope = json.loads(data, parse_constant=_no_constant)
        body = envelope["body"]
        whole = (
            isinstance(body, dict)
            and envelope["checksum"] == digest_of(body)
            and canonical_json(envelope) == data
        )
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise _corrupt(path) from error
    if not whole:
        raise _corrupt(path)
    return dict(body)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of an index folder.

    Raises:
        NoIndexError: the folder does not exist or holds no finished index.
        IndexCorruptError: the manifest is not as it was written.
        IndexVersionError: it was written in another format.
    """
    path = folder / MANIFEST_NAME
    try:
        if path.stat().st_size > _MAX_MANIFEST_BYTES:
            raise _corrupt(path)
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        if (folder / SIZES_NAME).is_file():
            raise NoIndexError(
                f"{folder}: holds tiles of several sizes; name the folder of one of them, such as "
                f"{folder / '72m'}"
            ) from error
        what = "holds no finished index" if folder.is_dir() else "is not an index folder"
        raise NoIndexError(f"{folder}: {what}; make one with: cvgl-tile build") from error
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error
    body = _in_this_format(unseal(data, path), path)
    return parse_record(Manifest, body, path)


def parse_record(kind: type[R], body: dict[str, object], path: Path) -> R:
    """Return a record from an unsealed body read from ``path``.

    Raises:
        IndexCorruptError: a value is missing, unknown or out of bounds.
    """
    try:
        return kind.model_validate_json(canonical_json(body), strict=True)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise IndexCorruptError(
            f"{path}: {where}: {first['msg']}; get the folder again or build it again"
        ) from error


def is_current(folder: Path, manifest: Manifest) -> bool:
    """Tell whether a folder holds a manifest as it would be written today.

    Raises:
        IndexCorruptError: it cannot be read.
    """
    path = folder / MANIFEST_NAME
    try:
        return path.read_bytes() == sealed_bytes(manifest)
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest of an index folder atomically: from now on it is this version.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    fsio.write_bytes(folder / MANIFEST_NAME, sealed_bytes(manifest))


def _in_this_format(body: dict[str, object], path: Path) -> dict[str, object]:
    """Return the body of a manifest as this format has it.

    Older formats lack what has a default today.

    Raises:
        IndexVersionError: the format is not one that is read.
    """
    version = body.get("format_version")
    if body.get("format") == "cvgl-index" and version in range(OLDEST_READABLE, FORMAT_VERSION + 1):
        return body | {"format_version": FORMAT_VERSION}
    newer = isinstance(version, int) and version > FORMAT_VERSION
    raise IndexVersionError(
        f"{path}: format {version!r:.40} is not one this version reads ({OLDEST_READABLE} to "
        f"{FORMAT_VERSION}); "
        + ("update cvgl" if newer else "build the index again into a new folder")
    )


def _no_constant(name: str) -> NoReturn:
    """Refuse NaN and infinities in JSON."""
    raise ValueError(f"{name} is not JSON")


def _corrupt(path: Path) -> IndexCorruptError:
    """Return the error for a sealed file that is not as it was written."""
    return IndexCorruptError(
        f"{path}: is not as it was written; get the folder again or build it again"
    )
