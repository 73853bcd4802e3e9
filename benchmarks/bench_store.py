"""How long an index takes to open and to merge, against reading every byte of it.

    python benchmarks/bench_store.py FOLDER --tiles 1000000

makes an index of made-up tiles in FOLDER (once) and prints what each step takes in CPU-seconds and
by the clock. Imagery is small here: 24 px a tile, no maps.
"""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from cvgl_core.geo import TileGrid, to_lonlat
from cvgl_core.index import (
    TILE_DTYPE,
    GridRecord,
    Index,
    IndexWriter,
    Manifest,
    ShardData,
    merge_indexes,
    reader,
)

GRID = TileGrid("EPSG:32633", 72.0, 36.0)
SIDE, PX, DIM = 16, 24, 512


def block(number: int, across: int, rng: np.random.Generator) -> ShardData:
    """One shard of 256 tiles."""
    row, col = -150_000 + number // across * SIDE, 13_000 + number % across * SIDE
    rows, cols = (a.ravel() for a in np.mgrid[row : row + SIDE, col : col + SIDE])
    table = np.zeros(SIDE * SIDE, TILE_DTYPE)
    table["row"], table["col"], table["valid_fraction"] = rows, cols, 1.0
    table["lon"], table["lat"] = to_lonlat(GRID.crs, *GRID.centre(rows, cols))
    edge = (SIDE + 1) * PX // 2
    imagery = np.full((edge, edge, 3), 99, np.uint8)
    descriptors = rng.standard_normal((len(rows), DIM), np.float32)
    valid = np.ones((edge, edge), bool)
    return ShardData(row * PX // 2, col * PX // 2, descriptors, table, imagery, valid)


def make(folder: Path, tiles: int) -> None:
    """Write the index without waiting for the disk."""
    count = -(-tiles // SIDE**2)
    across = int(np.ceil(np.sqrt(count)))
    rng = np.random.default_rng(0)
    wait, os.fsync = os.fsync, lambda descriptor: None
    with IndexWriter(folder) as writer:
        records = []
        for number in range(count):
            data = block(number, across, rng)
            name = (
                f"r{data.top_px // PX * 2 // SIDE}c{data.left_px // PX * 2 // SIDE}-{number:016x}"
            )
            records.append(writer.write_shard(name, data))
        start = time.perf_counter()
        writer.commit(
            Manifest(
                index_id="0" * 32,
                version=1,
                software="benchmark",
                grid=GridRecord(crs=GRID.crs, tile_size_m=72.0, stride_m=36.0),
                model="none",
                weights_sha256="0" * 64,
                aerial_px=PX,
                descriptor_dim=DIM,
                fill_rgb=(0, 0, 0),
                min_valid=0.25,
                sources=(),
                shards=tuple(records),
            )
        )
        print(f"commit: {time.perf_counter() - start:.2f} s")
    os.fsync = wait


def timed(name: str, step: Callable[[], object]) -> float:
    """Run a step, print its cost and return its CPU-seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    step()
    cpu = time.process_time() - cpu
    print(f"{name}: {cpu:.2f} CPU-s, {time.perf_counter() - wall:.2f} s")
    return cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiles", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = options.folder / f"{options.tiles}.cvgl"
    if not folder.exists():
        make(folder, options.tiles)
    limit = reader._EAGER_BYTES
    for _ in range(3):
        reader._EAGER_BYTES = 1 << 62
        all_read = timed("open, every byte checked", partial(Index.open, folder))
        reader._EAGER_BYTES = limit
        lazily = timed("open, tables checked", partial(Index.open, folder))
        print(f"ratio: {all_read / lazily:.1f}")
    shutil.rmtree(options.folder / "merged.cvgl", ignore_errors=True)
    timed("merge by links", partial(merge_indexes, [folder], options.folder / "merged.cvgl"))
    size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
    print(f"table: {size / options.tiles:.0f} bytes a tile")
    shutil.rmtree(options.folder / "merged.cvgl")


if __name__ == "__main__":
    main()
