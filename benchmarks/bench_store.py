"""How long an index takes to open, and what its parts weigh, by number of tiles.

    python benchmarks/bench_store.py FOLDER --tiles 1000000

makes an index of made-up tiles in FOLDER (once), then opens it several times and prints each step
per CPU-second and by the clock. Imagery is small here: 24 px a tile.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from cvgl_core.geo import TileGrid, to_lonlat
from cvgl_core.index import TILE_DTYPE, GridRecord, Index, IndexWriter, Manifest, ShardData

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


def timed(name: str, step: Callable[[], object]) -> object:
    """Run a step and print its cost."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = step()
    print(
        f"{name}: {time.perf_counter() - wall:.2f} s, {time.process_time() - cpu:.2f} CPU-s, "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tiles", type=int, default=1_000_000)
    options = parser.parse_args()
    folder = options.folder / f"{options.tiles}.cvgl"
    if not folder.exists():
        make(folder, options.tiles)
    for _ in range(2):
        index = timed("open", partial(Index.open, folder))
        timed("descriptors", partial(index.descriptors.__getitem__, slice(None)))


if __name__ == "__main__":
    main()
