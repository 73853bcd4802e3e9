"""Panoramas per second of the street renderer, against the target and against one thread.

Run: ``python benchmarks/bench_render.py [--seconds 8] [--size-m 600] [--height 128]``. Both figures
come from one run, in turns, so that other work on the machine touches both alike. Wall time is
what counts for the target; process time tells how much of it was really ours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from dataclasses import dataclass

import torch

from cvgl_core.simulation import generate_city
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, City

TARGET_PER_S = 40.0
TOP_DEG, BOTTOM_DEG = 45.0, -45.0
BATCH = 16


@dataclass(frozen=True)
class Rate:
    """Panoramas per second of wall and of process time."""

    wall: float
    process: float


def measure(city: City, height_px: int, seconds: float) -> Rate:
    """Render for a while in this process, on one thread."""
    torch.set_num_threads(1)
    renderer = StreetRenderer(city.ground)
    cameras = sample_cameras(city.ground, 128, seed=1)
    renderer.panoramas(_some(cameras, 0), height_px, 512, TOP_DEG, BOTTOM_DEG, 0)
    done, wall, process = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        renderer.panoramas(_some(cameras, done), height_px, 512, TOP_DEG, BOTTOM_DEG, done)
        done += BATCH
    return Rate(done / (time.perf_counter() - wall), done / (time.process_time() - process))


def _some(cameras: Cameras, start: int) -> Cameras:
    part = slice(start % 128, start % 128 + BATCH)
    return Cameras(cameras.x_m[part], cameras.y_m[part], cameras.height_m[part])


def _worker(city: City, height_px: int, seconds: float, barrier, results) -> None:  # noqa: ANN001
    barrier.wait()
    results.put(measure(city, height_px, seconds))


def measure_together(city: City, height_px: int, seconds: float, processes: int) -> Rate:
    """Render in several processes at once; rates are summed over wall, averaged over process."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes), context.Queue()
    arguments = (city, height_px, seconds, barrier, results)
    workers = [context.Process(target=_worker, args=arguments) for _ in range(processes)]
    for worker in workers:
        worker.start()
    rates = [results.get() for _ in workers]
    for worker in workers:
        worker.join()
    return Rate(sum(r.wall for r in rates), sum(r.process for r in rates) / processes)


def main() -> None:
    """Print both rates and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--size-m", type=float, default=600.0)
    parser.add_argument("--height", type=int, default=128)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    city = generate_city(5, options.size_m)
    single = measure(city, options.height, options.seconds)
    together = measure_together(city, options.height, options.seconds, options.processes)
    size = f"{options.height} x 512"
    print(
        f"{size}, 1 process x 1 thread: {single.wall:6.1f} panoramas/s wall, "
        f"{single.process:6.1f} per CPU second"
    )
    print(
        f"{size}, {options.processes} processes x 1 thread: {together.wall:6.1f} panoramas/s wall, "
        f"{together.process:6.1f} per CPU second"
    )
    print(
        f"against one thread: {together.wall / single.wall:.2f} x; "
        f"against the target of {TARGET_PER_S:.0f}/s: {together.wall / TARGET_PER_S:.2f} x"
    )


if __name__ == "__main__":
    main()
