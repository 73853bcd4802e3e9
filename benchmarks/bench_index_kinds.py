"""What an index costs and finds with imagery as JPEG, and with tiles of several sizes.

Run: ``OMP_NUM_THREADS=1 python benchmarks/bench_index_kinds.py [--size-m 800] [--photos 40]
[--seed 901]``

A city is simulated and indexed in each way, and the same panoramas with known north are located in
each index. The baseline of all ratios is the first row: tiles of the model's size, imagery as it
is. Processor time, of one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from cvgl_core.geo import geodesic_distance_m
from cvgl_core.index import open_index
from cvgl_core.localization import Localizer
from cvgl_core.models import Engine, load_engine
from cvgl_core.photo import read_photo

WAYS = {
    "72 m, raw": ("--tile-size-m", "72"),
    "72 m, jpeg": ("--tile-size-m", "72", "--imagery", "jpeg"),
    "36,72,144 m, jpeg": ("--tile-size-m", "36,72,144", "--imagery", "jpeg"),
    "36 m, jpeg": ("--tile-size-m", "36", "--imagery", "jpeg"),
    "144 m, jpeg": ("--tile-size-m", "144", "--imagery", "jpeg"),
}


@dataclass(frozen=True)
class Row:
    """What one index costs and finds: megabytes, seconds a photo, metres off, first tiles."""

    megabytes: float
    tiles: int
    photo_s: float
    away_m: np.ndarray
    first: tuple[str, ...]
    sizes: dict[float, int]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-m", type=int, default=800)
    parser.add_argument("--photos", type=int, default=40)
    parser.add_argument("--seed", type=int, default=901)
    asked = parser.parse_args()
    engine = load_engine("unifygeo-lite0", "cpu")
    with tempfile.TemporaryDirectory() as folder:
        city = Path(folder) / "city"
        sizes = ("--size-m", asked.size_m, "--photos", asked.photos, "--seed", asked.seed)
        run("cvgl_core.cli", "simulate", "city", "-o", city, *sizes)
        rows: dict[str, Row] = {}
        for number, (name, options) in enumerate(WAYS.items()):
            index = Path(folder) / f"{number}.cvgl"
            raster = city / "ortho.tif"
            run("tiling.cli", "build", raster, "-o", index, "--workers", 1, *options)
            rows[name] = measure(index, city, engine)
            print(line(name, rows[name], next(iter(rows.values()))), flush=True)


def run(module: str, *words: object) -> None:
    """Run a command of the project."""
    code = f"import sys; from {module} import main; main()"
    command = [sys.executable, "-c", code, *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)


def measure(folder: Path, city: Path, engine: Engine) -> Row:
    """Locate all photos in an index."""
    index = open_index(folder)
    localizer = Localizer(index, engine)
    truth = json.loads((city / "truth.geojson").read_text())["features"]
    away_m, first, spent_s = [], [], 0.0
    sizes: dict[float, int] = {}
    for feature in truth:
        facts, (lon, lat) = feature["properties"], feature["geometry"]["coordinates"]
        photo = read_photo(city / facts["photo"])
        start = process_time()
        known = {"heading_deg": facts["heading_deg"], "fov_deg": facts["fov_deg"]}
        result = localizer.localize(photo, **known)
        spent_s += process_time() - start
        found = result.estimate
        away_m.append(float(geodesic_distance_m(lon, lat, found.lon, found.lat)))
        best = result.candidates[0]
        size_m = best.tile_size_m or index.grid.tile_size_m
        sizes[size_m] = sizes.get(size_m, 0) + 1
        first.append(best.tile_id.removesuffix(f"-{size_m:g}m"))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    each_s = spent_s / len(truth)
    return Row(size / 1e6, len(index), each_s, np.array(away_m), tuple(first), sizes)


def line(name: str, row: Row, base: Row) -> str:
    """Return a row of the table."""
    within = [f"{(row.away_m <= limit).mean():4.0%}" for limit in (1, 5, 10)]
    same = np.mean([one == other for one, other in zip(row.first, base.first, strict=True)])
    return (
        f"{name:20} {row.tiles:6} tiles {row.megabytes:7.2f} MB "
        f"{row.megabytes / base.megabytes:5.2f} x"
        f"  {row.photo_s:5.2f} CPU-s a photo {row.photo_s / base.photo_s:5.2f} x"
        f"  median {np.median(row.away_m):7.2f} m, within 1, 5, 10 m {listed(within)}"
        f"  same first tile {same:4.0%}  first by size {row.sizes}"
    )


def listed(values: Sequence[str]) -> str:
    """Return values with commas."""
    return ", ".join(values)


if __name__ == "__main__":
    main()
