"""How long many files take to become one coverage: headers, then the plan; nothing is decoded.

    python benchmarks/bench_sources.py [--files 10000]

Small sheets lie side by side in a square. The baseline opens each with plain rasterio and asks for
its bounds; "every outline" is a plan that tries each outline for each block. CPU seconds.
"""

import argparse
import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import from_origin

from cvgl_core.types import GroundSpec, ModelCard
from tiling.plan import CutSettings, make_plan
from tiling.sources.listing import list_sources
from tiling.sources.survey import SurveySettings, take_survey

CARD = ModelCard(
    "none", 0, 72.0, 128, GroundSpec(8, 16, 30.0, -30.0), (0.5,) * 3, (1.0,) * 3, 16, 4, "0" * 64
)
SHEET_M, GSD = 250.0, 1.0


def write_sheets(folder: Path, count: int) -> None:
    """Write one sheet and place copies of it side by side."""
    side = round(SHEET_M / GSD)
    first = folder / "first.tif"
    options = {"driver": "GTiff", "count": 3, "dtype": "uint8", "compress": "deflate"}
    with rasterio.open(
        first,
        "w",
        width=side,
        height=side,
        crs="EPSG:32633",
        transform=from_origin(0, 0, GSD, GSD),
        **options,
    ) as target:
        target.write(np.full((3, side, side), 90, np.uint8))
    across = int(np.ceil(np.sqrt(count)))
    for number in range(count):
        row, col = divmod(number, across)
        path = folder / f"sheet_{number:05d}.tif"
        shutil.copyfile(first, path)
        with rasterio.open(path, "r+") as target:
            target.transform = from_origin(
                400_000 + col * SHEET_M, 5_400_000 - row * SHEET_M, GSD, GSD
            )
    first.unlink()


def timed(what: str, baseline: float | None, function: Callable[[], Any]) -> tuple[Any, float]:
    """Run and print CPU and wall seconds, and the ratio to the baseline."""
    cpu, wall = time.process_time(), time.monotonic()
    result = function()
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    ratio = "" if baseline is None else f"{cpu / baseline:8.2f}x"
    print(f"{what:<44}{cpu:9.2f} s CPU {wall:9.2f} s {ratio}", flush=True)
    return result, cpu


def main() -> None:
    """Measure and print."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    count = parser.parse_args().files
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_sheets(folder, count)
        paths = sorted(folder.glob("*.tif"))

        def plain() -> list:
            found = []
            for path in paths:
                with rasterio.open(path) as source:
                    found.append(source.bounds)
            return found

        plain()  # the disk is warm for both
        print(f"{count} files")
        _, base = timed("plain rasterio, bounds only", None, plain)
        sources, _ = timed("list a folder", base, lambda: list_sources([str(folder)]))
        found, _ = timed(
            "headers of all (cvgl-tile)", base, lambda: take_survey(sources, SurveySettings())
        )
        plan, _ = timed(
            "plan with fingerprints", base, lambda: make_plan(found.rasters, CARD, CutSettings())
        )
        gsd = plan.gsd_m_per_px
        outlines = [
            shapely.box(left * gsd, -(top + h) * gsd, (left + w) * gsd, -top * gsd)
            for top, left, h, w in plan.windows_px
        ]
        shapely.prepare(outlines)
        boxes = [
            shapely.box(b[1] * gsd, -(b[0] + b[2]) * gsd, (b[1] + b[3]) * gsd, -b[0] * gsd)
            for b in (block.window_px for block in plan.blocks)
        ]
        print(f"{len(plan.blocks)} blocks, {plan.tile_count} tiles")

        def every() -> list:
            return [[i for i, o in enumerate(outlines) if shapely.intersects(o, b)] for b in some]

        some = boxes[:: max(1, len(boxes) // 20)]
        _, part = timed(f"every outline tried, {len(some)} blocks only", None, every)
        tree = shapely.STRtree(outlines)
        _, fast = timed(
            "a tree asked, all blocks", None, lambda: [tree.query(b, "intersects") for b in boxes]
        )
        print(f"outlines of blocks: {part * len(boxes) / len(some) / fast:.0f}x by the tree")


if __name__ == "__main__":
    main()
