"""One query, stage by stage: seconds and peak memory, warm.

Run: ``python benchmarks/bench_query.py CITY.cvgl PHOTO... [--depths 5 50]`` (two threads; set
OMP_NUM_THREADS for others). Every photo is located at every depth from the stored maps, and, as the
baseline, from the tiles' images. Targets at k = 5 on 2 cores: under 1 s and under 1 GB. Wall time
counts; processor time tells how much of it was ours where other work shares the machine.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch

from cvgl_core.export.geojson import write_geojson
from cvgl_core.export.heatmap import write_heatmap
from cvgl_core.index import Index
from cvgl_core.localization import Localizer, LocalizeSettings
from cvgl_core.models import load_engine
from cvgl_core.photo import read_photo
from cvgl_core.types import DEFAULT_DEPTH

TARGET_S, TARGET_MB = 1.0, 1000.0
STAGES = (
    "reading", "viewing", "describing", "searching", "matching", "decoding", "fusing", "exporting",
)  # fmt: skip
_Result = TypeVar("_Result")


class StageClock:
    """Charges time to the stage that was named last; its ``progress`` listens to a localizer."""

    def __init__(self) -> None:
        self.wall_s = dict.fromkeys(STAGES, 0.0)
        self.cpu_s = dict.fromkeys(STAGES, 0.0)
        self._stage: str | None = None
        self._since = (0.0, 0.0)

    def progress(self, stage: str, done: int, total: int) -> None:
        """Enter a stage."""
        self.enter(stage)

    def enter(self, stage: str | None) -> None:
        """Charge the time since the last call, and enter a stage, or none."""
        now = time.perf_counter(), time.process_time()
        if self._stage is not None:
            self.wall_s[self._stage] += now[0] - self._since[0]
            self.cpu_s[self._stage] += now[1] - self._since[1]
        self._stage, self._since = stage, now


@contextmanager
def images_only(index: Index, wanted: bool) -> Iterator[None]:
    """Hide the maps of an index for a while."""
    if not wanted:
        yield
        return
    with_maps = Index.has_maps
    Index.has_maps = False  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        Index.has_maps = with_maps  # type: ignore[method-assign]


def locate(localizer: Localizer, path: Path, folder: Path) -> StageClock:
    """Locate one photo and write its files."""
    clock = StageClock()
    clock.enter("reading")
    photo = read_photo(path)
    clock.enter("viewing")
    view = localizer.view(photo)
    search = localizer.search(view, None, clock.progress)
    result = localizer.conclude(photo, search, clock.progress)
    clock.enter("exporting")
    write_geojson(folder / "photo.geojson", result)
    write_heatmap(folder / "photo.heatmap.tif", result)
    clock.enter(None)
    return clock


def median_ms(clocks: list[StageClock], of: Callable[[StageClock], float]) -> float:
    """Return the median over photos in milliseconds."""
    return 1000 * statistics.median(of(clock) for clock in clocks)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--depths", type=int, nargs="+", default=[5, DEFAULT_DEPTH])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    index = Index.open(options.index)
    engine = load_engine(index.manifest.model, "cpu")
    print(f"{len(index)} tiles, {len(options.photos)} photos, {options.threads} threads")
    print(f"{'median ms: wall (processor)':28s}" + "".join(f"{s:>18s}" for s in (*STAGES, "total")))
    totals: dict[tuple[int, str], float] = {}
    for depth in options.depths:
        for source in ("maps", "images"):
            if source == "maps" and not index.has_maps:
                continue
            settings = LocalizeSettings(depth=depth, top_k=min(5, depth))
            localizer = Localizer(index, engine, settings)
            with images_only(index, source == "images"), tempfile.TemporaryDirectory() as folder:
                locate(localizer, options.photos[0], Path(folder))
                clocks = [locate(localizer, path, Path(folder)) for path in options.photos]
            cells = [
                f"{median_ms(clocks, lambda c, s=stage: c.wall_s[s]):.0f} "
                f"({median_ms(clocks, lambda c, s=stage: c.cpu_s[s]):.0f})"
                for stage in STAGES
            ]
            wall = median_ms(clocks, lambda c: sum(c.wall_s.values()))
            cpu = median_ms(clocks, lambda c: sum(c.cpu_s.values()))
            totals[depth, source] = cpu
            cells.append(f"{wall:.0f} ({cpu:.0f})")
            peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"k = {depth}, {source:21s}" + "".join(f"{c:>18s}" for c in cells), end="")
            print(f"   peak so far {peak_mb:.0f} MB")
    for depth in options.depths:
        if (depth, "maps") in totals:
            ratio = totals[depth, "maps"] / totals[depth, "images"]
            print(f"k = {depth}: processor time from maps / from images (baseline) = {ratio:.2f}")
    print(f"targets at k = 5: {TARGET_S:.0f} s, {TARGET_MB:.0f} MB")


if __name__ == "__main__":
    main()
