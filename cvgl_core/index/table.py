"""The table of an index's tiles for other programs: GeoParquet 1.1, opened by QGIS and GeoPandas.

It is made from the tables of the shards and never read here, so nothing that a stranger wrote is
parsed; the manifest has its checksum.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import shape

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError
from cvgl_core.geo import tile_geometry, tile_rings
from cvgl_core.index.manifest import FileRecord, Manifest, ShardRecord
from cvgl_core.types import FloatArray

_GROUP_ROWS = 1024  # what is in memory at once; also what a program can skip by its "bbox"
TILE_BYTES = 64
"""About what a tile takes in the table."""
_TABLE_PATTERN = "tiles-v*.parquet"


def table_path(folder: Path, manifest: Manifest) -> Path:
    """Return where the table of a version lies."""
    return folder / _TABLE_PATTERN.replace("*", str(manifest.version))


def tables_except(folder: Path, manifest: Manifest | None) -> list[Path]:
    """Return the tables in a folder, but not that of a version."""
    kept = set() if manifest is None else {table_path(folder, manifest)}
    return sorted(set(folder.glob(_TABLE_PATTERN)) - kept)


def write_table(folder: Path, manifest: Manifest, tables: Iterable[NDArray[Any]]) -> FileRecord:
    """Write the table of a version and return its record.

    Args:
        folder: the index folder.
        manifest: what the version will say.
        tables: of its shards in order, each ``[N]`` of ``TILE_DTYPE``.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    import pyarrow.parquet as pq

    path = table_path(folder, manifest)
    bounds: list[FloatArray] = []
    kinds: set[str] = set()
    needed = manifest.tile_count * TILE_BYTES
    with fsio.atomic_path(path) as temporary, fsio.output_errors(path, needed):
        options = {"compression": "zstd", "store_schema": False, "use_dictionary": ["shard"]}
        with (
            temporary.open("wb") as stream,
            pq.ParquetWriter(stream, _schema(), **options) as writer,
        ):
            for records, rows in _groups(manifest.shards, tables):
                shapes = _outlines(manifest, rows)
                bounds.append(shapely.total_bounds(shapes))
                kinds |= {geometry.geom_type for geometry in shapes}
                writer.write_table(_columns(manifest, records, rows, shapes))
            writer.add_key_value_metadata({"geo": _geo_facts(np.stack(bounds), kinds)})
        record = FileRecord(file_bytes=temporary.stat().st_size, sha256=fsio.sha256_file(temporary))
    return record


def check_table(folder: Path, manifest: Manifest) -> None:
    """Compare the table of a version with its checksum; older formats have none.

    Raises:
        IndexCorruptError: it is missing or not as it was written.
    """
    if manifest.tiles is None:
        return
    path = table_path(folder, manifest)
    try:
        same = not path.is_symlink() and path.stat().st_size == manifest.tiles.file_bytes
        same = same and fsio.sha256_file(path) == manifest.tiles.sha256
    except OSError as error:
        raise IndexCorruptError(f"{path}: cannot be read ({error.strerror or error})") from error
    if not same:
        raise IndexCorruptError(f"{path}: is not as it was written; run cvgl-tile build again")


def _groups(
    records: Iterable[ShardRecord], tables: Iterable[NDArray[Any]]
) -> Iterator[tuple[list[ShardRecord], NDArray[Any]]]:
    """Yield some shards at a time: the record of each tile, and the tiles."""
    tiles_of: list[ShardRecord] = []
    rows: list[NDArray[Any]] = []
    for record, table in zip(records, tables, strict=True):
        tiles_of += [record] * len(table)
        rows.append(table)
        if len(tiles_of) >= _GROUP_ROWS:
            yield tiles_of, np.concatenate(rows)
            tiles_of, rows = [], []
    if rows:
        yield tiles_of, np.concatenate(rows)


def _outlines(manifest: Manifest, rows: NDArray[Any]) -> NDArray[Any]:
    """Return the outlines of tiles in degrees ``[N]``, cut at the antimeridian."""
    rings = tile_rings(manifest.tile_grid(), rows["row"], rows["col"])
    outlines: NDArray[Any] = shapely.polygons(rings)
    for number in np.flatnonzero((np.abs(np.diff(rings[:, :, 0], axis=1)) > 180.0).any(axis=1)):
        outlines[number] = shape(tile_geometry(rings[number]))
    return outlines


def _schema() -> Any:
    """Return names and types of the columns."""
    import pyarrow as pa

    box = pa.struct([(name, pa.float64()) for name in ("xmin", "ymin", "xmax", "ymax")])
    return pa.schema(
        [
            ("tile_id", pa.string()),
            ("row", pa.int32()),
            ("col", pa.int32()),
            ("lon", pa.float64()),
            ("lat", pa.float64()),
            ("valid_fraction", pa.float32()),
            ("gsd_m_per_px", pa.float64()),
            ("shard", pa.string()),
            ("bbox", box),
            ("geometry", pa.binary()),
        ]
    )


def _columns(
    manifest: Manifest, records: list[ShardRecord], rows: NDArray[Any], shapes: NDArray[Any]
) -> Any:
    """Return some rows of the table."""
    import pyarrow as pa

    grid = manifest.tile_grid()
    schema = _schema()
    boxes = [_array(pa.float64(), values) for values in shapely.bounds(shapes).T]
    places = zip(rows["row"].tolist(), rows["col"].tolist(), strict=True)
    names = [grid.tile_id(*place).encode() for place in places]
    outlines = shapely.to_wkb(shapes, byte_order=1, flavor="iso")
    columns = {
        "tile_id": _strings(pa.string(), names),
        **{name: _array(schema.field(name).type, rows[name]) for name in rows.dtype.names or ()},
        "gsd_m_per_px": _array(pa.float64(), np.full(len(rows), manifest.gsd_m_per_px)),
        "shard": _strings(pa.string(), [record.name.encode() for record in records]),
        "bbox": pa.StructArray.from_arrays(boxes, fields=list(schema.field("bbox").type)),
        "geometry": _strings(pa.binary(), outlines),
    }
    return pa.table(columns, schema=schema)


def _array(kind: Any, values: NDArray[Any]) -> Any:
    """Return numbers as a column; ``pyarrow.array`` would import pandas: 0.3 s and 40 MB."""
    import pyarrow as pa

    plain = np.ascontiguousarray(values)
    return pa.Array.from_buffers(kind, len(plain), [None, pa.py_buffer(plain)])


def _strings(kind: Any, values: Sequence[bytes]) -> Any:
    """Return strings as a column."""
    import pyarrow as pa

    ends = np.cumsum([0, *map(len, values)], dtype=np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(kind, len(values), buffers)


def _geo_facts(bounds: FloatArray, kinds: set[str]) -> str:
    """Return what GeoParquet 1.1 wants to know; without ``crs`` it is OGC:CRS84."""
    low, high = bounds[:, :2].min(axis=0), bounds[:, 2:].max(axis=0)
    facts = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": sorted(kinds),
                "orientation": "counterclockwise",
                "bbox": [*low.tolist(), *high.tolist()],
                "covering": {
                    "bbox": {name: ["bbox", name] for name in ("xmin", "ymin", "xmax", "ymax")}
                },
            }
        },
    }
    return json.dumps(facts, sort_keys=True)
