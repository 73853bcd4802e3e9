from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cvgl_core.geo import TileGrid, to_lonlat
from cvgl_core.index import (
    TILE_DTYPE,
    GridRecord,
    IndexWriter,
    Manifest,
    MapRecord,
    ShardData,
    SourceRecord,
    reduce_maps,
)

GRID = TileGrid("EPSG:32633", 16.0, 8.0)
AERIAL_PX, STRIDE_PX, DIM = 16, 8, 12
MAPS = MapRecord(channels=6, kept_channels=4, height=2, width=3)
ROW0, COL0 = -650_000, 47_000
Block = tuple[int, int, int, int]
BLOCKS: tuple[Block, ...] = ((0, 0, 3, 4), (0, 4, 3, 2), (3, 0, 2, 6))
"""Row, column (from ROW0, COL0), rows and columns of tiles of each shard."""


def world_pixel(row_px: np.ndarray, col_px: np.ndarray) -> np.ndarray:
    """The imagery of the test world at pixels of the grid's lattice."""
    return np.stack([row_px % 251, col_px % 241, (row_px * 7 + col_px * 13) % 256], -1).astype(
        np.uint8
    )


def tile_map(rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Detailed maps [N, C, h, w] that tell the tile; they fill three dimensions."""
    angles = np.stack([rows * 0.37, cols * 0.53], -1)[:, :, None] + np.arange(6)
    three = np.concatenate([np.sin(angles), np.cos(angles[:, :1])], axis=1)
    maps = np.concatenate([three, three[:, ::-1]], axis=1).reshape(len(rows), 6, 2, 3)
    return (maps / np.linalg.norm(maps, axis=1, keepdims=True)).astype(np.float32)


def block_data(block: Block, seed: int = 0, with_maps: bool = True, **kept: bool) -> ShardData:
    row, col, height, width = block
    rows, cols = np.meshgrid(
        np.arange(height) + row + ROW0, np.arange(width) + col + COL0, indexing="ij"
    )
    rows, cols = rows.ravel(), cols.ravel()
    table = np.zeros(len(rows), TILE_DTYPE)
    table["row"], table["col"], table["valid_fraction"] = rows, cols, 0.75
    table["lon"], table["lat"] = to_lonlat(GRID.crs, *GRID.centre(rows, cols))
    top, left = (row + ROW0) * STRIDE_PX, (col + COL0) * STRIDE_PX
    h, w = (height + 1) * STRIDE_PX, (width + 1) * STRIDE_PX
    rr, cc = np.meshgrid(np.arange(h) + top, np.arange(w) + left, indexing="ij")
    valid = (rr + cc) % 4 != 0
    rng = np.random.default_rng([seed, row, col])
    descriptors = rng.normal(size=(len(rows), DIM))
    maps = reduce_maps(tile_map(rows, cols), MAPS.kept_channels) if with_maps else None
    return ShardData(top, left, descriptors, table, world_pixel(rr, cc), valid, maps, **kept)


def manifest_for(records: list, **changes: object) -> Manifest:
    facts: dict = {
        "index_id": "0" * 32,
        "version": 1,
        "software": "cvgl test",
        "grid": GridRecord(crs=GRID.crs, tile_size_m=16.0, stride_m=8.0),
        "model": "stub",
        "weights_sha256": "a" * 64,
        "aerial_px": AERIAL_PX,
        "descriptor_dim": DIM,
        "maps": MAPS,
        "fill_rgb": (10, 20, 30),
        "min_valid": 0.25,
        "sources": (
            SourceRecord(
                name="ortho.tif",
                file_bytes=5,
                fingerprint="b" * 64,
                driver="GTiff",
                crs="EPSG:32633",
                width_px=9,
                height_px=9,
                gsd_m_per_px=1.0,
                dtype="uint8",
                bands=(1, 2, 3),
            ),
        ),
        "shards": tuple(records),
    }
    return Manifest(**(facts | changes))


def build(
    folder: Path,
    seed: int = 0,
    blocks: tuple[Block, ...] = BLOCKS,
    with_maps: bool = True,
    jpeg: bool = False,
    thumbnails: bool = False,
    **changes: object,
) -> Path:
    maps = MAPS if with_maps else None
    with IndexWriter(folder) as writer:
        records = []
        for block in blocks:
            number = 100 * block[0] + block[1]
            name = f"r{block[0] + ROW0}c{block[1] + COL0}-{seed:08x}{number:08x}"
            data = block_data(block, seed, with_maps, jpeg=jpeg, thumbnails=thumbnails)
            record = writer.existing(name, DIM, maps) or writer.write_shard(name, data)
            records.append(record)
        writer.commit(manifest_for(records, **({"maps": maps} | changes)))
    return folder


@pytest.fixture
def make_index(tmp_path: Path) -> Callable[..., Path]:
    return lambda name="city.cvgl", **options: build(tmp_path / name, **options)


@pytest.fixture
def city(make_index: Callable[..., Path]) -> Path:
    return make_index()


def folder_bytes(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
