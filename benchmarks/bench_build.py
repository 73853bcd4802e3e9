"""How much of the network's own speed a build keeps, and what more processes or Ray workers add.

    OMP_NUM_THREADS=1 python benchmarks/bench_build.py [--size-m 1200] [--rounds 3] [--workers 1 2]
        [--ray 1 2] [--model unifygeo-lite0] [--runtime torch]

The baseline is the network alone, on tiles that are in memory already, by one thread. A build
reads, cuts, describes, reduces maps, hashes and writes for good, of a simulated city's raster.
Figures are medians over rounds that take turns, in tiles per second of wall time and per second
of processor time of all processes together. "busy" is the share of a build's wall time in which
the network's thread was describing: what is missing from 100 % it waited or was not yet started.
Of builds by several processes, or by Ray, the time until the first block is left out: they load
the network once, however long the build. They are compared with one process or worker alike.
Where the network's trunk can be shared by overlapping tiles, builds with and without are compared.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.index import map_record, reduce_maps
from cvgl_core.index.shard import write_shard
from tiling.build import build_index
from tiling.crews import line
from tiling.crews.crew import Alone, Crew, Tally
from tiling.crews.line import BlockResult, Job
from tiling.crews.processes import _Run
from tiling.cut import Cutter, tile_windows
from tiling.describe import describe_block, shard_data
from tiling.engines import ModelLoader, TileDescriber
from tiling.plan import Block, CutSettings, make_plan
from tiling.raster.info import RasterInfo, describe_raster

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Speed:
    """Tiles a second of wall and of processor time."""

    wall: float
    cpu: float
    busy: float = 1.0


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-m", type=int, default=1200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--ray", type=int, nargs="*", default=[])
    parser.add_argument("--model", default="unifygeo-lite0")
    parser.add_argument(
        "--runtime", choices=["torch", "openvino"], help="best there is if not given"
    )
    chosen = parser.parse_args()
    load = ModelLoader(chosen.model, "cpu", None, chosen.runtime)
    with tempfile.TemporaryDirectory() as folder:
        raster = simulate(Path(folder) / "city", chosen.size_m)
        measure(raster, load, Path(folder), chosen)


def simulate(folder: Path, size_m: int) -> RasterInfo:
    """Return a simulated city's raster."""
    command = ["simulate", "city", "-o", str(folder), "--size-m", str(size_m), "--photos", "0"]
    code = "import sys; from cvgl_core.cli import main; sys.argv[0] = 'cvgl'; main()"
    subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True)
    return describe_raster(folder / "ortho.tif")


def measure(
    raster: RasterInfo, load: ModelLoader, folder: Path, chosen: argparse.Namespace
) -> None:
    """Print a table of each kind of build."""
    describer = load()
    steps(raster, describer, folder)
    tiles = some_tiles(raster, describer)
    ways: dict[str, Callable[[], Speed]] = {
        "network alone": lambda: network_alone(tiles, describer),
        "build, this process": lambda: alone(raster, describer, folder),
    }
    if describer.shared_trunk:
        ways["build, trunk shared"] = lambda: alone(raster, describer, folder, shared=True)
    for count in chosen.workers:
        ways[f"build, {count} processes"] = lambda count=count: by_processes(
            raster, describer, load, folder, count
        )
    for count in chosen.ray:
        ways[f"build, {count} Ray workers"] = lambda count=count: by_ray(
            raster, describer, load, folder, count
        )
    runs: dict[str, list[Speed]] = {name: [] for name in ways}
    for turn in range(chosen.rounds):
        names = list(ways)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            runs[name].append(ways[name]())
            print(f"round {turn + 1}, {name}: {runs[name][-1]}", file=sys.stderr, flush=True)
    base = middle(runs["network alone"])
    print(f"\n{'':24} {'tiles/s':>8} {'of base':>8} {'tiles/CPU-s':>12} {'of base':>8} {'busy':>6}")
    for name, speeds in runs.items():
        speed = middle(speeds)
        print(
            f"{name:24} {speed.wall:8.1f} {speed.wall / base.wall:8.1%} {speed.cpu:12.1f} "
            f"{speed.cpu / base.cpu:8.1%} {speed.busy:6.1%}"
        )
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f}, rounds: {chosen.rounds}")


def middle(speeds: list[Speed]) -> Speed:
    """Return the median of each figure."""
    return Speed(
        *(statistics.median(getattr(s, k) for s in speeds) for k in ("wall", "cpu", "busy"))
    )


def some_tiles(raster: RasterInfo, describer: TileDescriber) -> list[np.ndarray]:
    """Return the tiles of four blocks, in batches as a build describes them."""
    plan = make_plan([raster], describer.card, CutSettings())
    full = sorted(plan.blocks, key=lambda block: -len(block.rows))[:4]
    batches = []
    with Cutter(plan, 0.25, describer.card.fill_rgb) as cutter:
        for block in full:
            cut = cutter.cut(block)
            for start in range(0, len(cut.kept), describer.batch_tiles):
                batches.append(
                    tile_windows(cut, plan, cut.kept[start : start + describer.batch_tiles])
                )
    return batches


def network_alone(batches: list[np.ndarray], describer: TileDescriber) -> Speed:
    """Return the speed of the network on tiles in memory."""
    wall, cpu = time.monotonic(), time.process_time()
    for batch in batches:
        describer.encode_tiles(batch)
    count = sum(map(len, batches))
    return Speed(count / (time.monotonic() - wall), count / (time.process_time() - cpu))


def alone(
    raster: RasterInfo, describer: TileDescriber, folder: Path, shared: bool = False
) -> Speed:
    """Return the speed of a build by this process."""
    described = 0.0
    real = line.describe_block

    def timed(*arguments: object) -> object:
        nonlocal described
        start = time.monotonic()
        try:
            return real(*arguments)
        finally:
            described += time.monotonic() - start

    line.describe_block = timed
    wall, cpu = time.monotonic(), time.process_time()
    count = build(raster, describer, folder, Alone(describer), shared=shared)
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    line.describe_block = real
    return Speed(count / wall, count / cpu, described / wall)


def by_processes(
    raster: RasterInfo, describer: TileDescriber, load: ModelLoader, folder: Path, count: int
) -> Speed:
    """Return the speed of a build by several processes, once they work."""

    class Pool:
        def run(self, job: Job, blocks: Sequence[Block], tally: Tally) -> dict[str, BlockResult]:
            return _Run(job, load, blocks, tally).finish(count)  # one process is a pool, too

    return warm(raster, describer, folder, Pool())


def by_ray(
    raster: RasterInfo, describer: TileDescriber, load: ModelLoader, folder: Path, count: int
) -> Speed:
    """Return the speed of a build by so many Ray workers of a cluster of its own."""
    from tiling.crews import ray_cluster

    ray_cluster.cores = lambda: count
    return warm(raster, describer, folder, ray_cluster.RayCluster(load, None, "cpu"))


def warm(raster: RasterInfo, describer: TileDescriber, folder: Path, crew: Crew) -> Speed:
    """Return the speed of a build from the first block that is done."""
    marks: list[tuple[float, float, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "tiles" and done and (not marks or done > marks[-1][2]):
            marks.append((time.monotonic(), descendants_cpu_s(), done))

    build(raster, describer, folder, crew, progress)
    first, last = marks[0], marks[-1]
    count = last[2] - first[2]
    return Speed(count / (last[0] - first[0]), count / max(last[1] - first[1], 1e-9), float("nan"))


def build(
    raster: RasterInfo,
    describer: TileDescriber,
    folder: Path,
    crew: Crew,
    progress: Callable[[str, int, int], None] = lambda *_: None,
    shared: bool = False,
) -> int:
    """Build an index and return how many tiles it has."""
    output = folder / f"{threading.get_ident()}.cvgl"
    result = build_index(
        [raster], output, describer, crew=crew, progress=progress, shared_trunk=shared
    )
    shutil.rmtree(output)
    return result.manifest.tile_count


def descendants_cpu_s() -> float:
    """Return the processor time of this process and all that descend from it and live."""
    children: dict[int, list[int]] = {}
    spent: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        spent[pid] = int(fields[11]) + int(fields[12])
    total, todo = 0, [os.getpid()]
    while todo:
        pid = todo.pop()
        total += spent.get(pid, 0)
        todo += children.get(pid, [])
    return total / TICKS


def steps(raster: RasterInfo, describer: TileDescriber, folder: Path) -> None:
    """Print what each step of a build costs."""
    shards = folder / "steps"
    plan = make_plan([raster], describer.card, CutSettings(), maps=map_record(describer.map_shape))
    block = max(plan.blocks, key=lambda block: len(block.rows))
    with Cutter(plan, 0.25, describer.card.fill_rgb) as cutter:
        cutter.cut(block)
        cut = timed("cut", len(block.rows), lambda: cutter.cut(block))
    describe_block(cut, plan, describer, lambda _: None)
    described = timed(
        "describe", len(cut.kept), lambda: describe_block(cut, plan, describer, lambda _: None)
    )
    data = timed("table and maps", len(cut.kept), lambda: shard_data(cut, plan, described))
    timed("of these: maps", len(cut.kept), lambda: reduce_maps(described.maps))
    timed("hash and write", len(cut.kept), lambda: write_shard(shards, block.name, data))
    shutil.rmtree(shards)


def timed(name: str, tiles: int, work: Callable[[], object]) -> object:
    """Run and print milliseconds a tile."""
    wall, cpu = time.monotonic(), time.process_time()
    found = work()
    wall, cpu = time.monotonic() - wall, time.process_time() - cpu
    print(
        f"{name:16} {1e3 * wall / tiles:7.3f} ms a tile, {1e3 * cpu / tiles:7.3f} ms of processor"
    )
    return found


if __name__ == "__main__":
    main()
