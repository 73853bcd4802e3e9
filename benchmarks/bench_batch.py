"""Batches: photos at a time, going on, and what a thousand results weigh.

Run: ``python benchmarks/bench_batch.py CITY.cvgl PHOTO... [--jobs 1 2] [--results 1000]``
(``OMP_NUM_THREADS`` as in use). Photos are located with each number of jobs; the first is the
baseline. Then one result is copied to make many, and measured: going on with all of them done,
each format, and the overview. Wall time and processor time; where other work shares the machine
only the second counts. Every step is a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Cost:
    """Of one step."""

    wall_s: float
    cpu_s: float
    peak_mb: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("index", type=Path)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--results", type=int, default=1000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_jobs(args.index, args.photos, args.jobs, Path(folder) / "jobs")
        measure_many(args.index, args.photos[0], args.results, Path(folder) / "many")


def measure_jobs(index: Path, photos: Sequence[Path], jobs: Sequence[int], folder: Path) -> None:
    """Print what a photo costs with each number of jobs."""
    base: Cost | None = None
    print(f"{len(photos) - 1} photos after a first one")
    for number in jobs:
        cost = alone(locate_warm, index, photos, folder / str(number), number)
        base = base or cost
        print(
            f"  --jobs {number}: {cost.wall_s:.3f} s wall ({base.wall_s / cost.wall_s:.2f} x), "
            f"{cost.cpu_s:.3f} s of a processor ({base.cpu_s / cost.cpu_s:.2f} x) a photo, "
            f"peak {cost.peak_mb:.0f} MB"
        )


def measure_many(index: Path, photo: Path, count: int, folder: Path) -> None:
    """Print what going on and each format cost with many results."""
    photos, out = folder / "photos", folder / "out"
    make_tiny(photo, photos)
    alone(locate, index, sorted(photos.iterdir()), out, ("--report",))
    multiply(photos, out, count)
    print(f"{count} results")
    show("one photo", start := alone(locate, index, sorted(photos.iterdir())[:1], out, ()))
    show("all done, --resume", alone(locate, index, [photos], out, ("--resume",)), start)
    page = ("--resume", "--report", "--overview")
    show("and --overview", alone(locate, index, [photos], out, page), start)
    for form in ("csv", "geojson", "parquet", "grid", "kml", "gpkg"):
        show(f"cvgl export {form}", alone(export, out, form, folder / f"all.{form}"))


def make_tiny(photo: Path, folder: Path) -> None:
    """Write one photo reduced to 128 px, with its metadata."""
    folder.mkdir(parents=True)
    with Image.open(photo) as image:
        kept = {"exif": image.getexif().tobytes(), "xmp": image.info.get("xmp", b"")}
        small = image.resize((128, max(1, 128 * image.height // image.width)))
        small.save(folder / "0000.jpg", "JPEG", **kept)


def multiply(photos: Path, out: Path, count: int) -> None:
    """Make many photos of different bytes and their results of one."""
    from cvgl_core.fsio import sha256_file

    data = (photos / "0000.jpg").read_bytes()
    result = json.loads((out / "0000.geojson").read_bytes())
    for number in range(1, count):
        photo = photos / f"{number:04d}.jpg"
        photo.write_bytes(data + number.to_bytes(4, "big"))
        sha256 = sha256_file(photo)
        for values in (result["provenance"], result["features"][0]["properties"]):
            values |= {"photo": photo.name, "photo_sha256": sha256}
        (out / f"{number:04d}.geojson").write_text(json.dumps(result))
        for suffix in (".heatmap.tif", ".html"):
            shutil.copy(out / f"0000{suffix}", out / f"{number:04d}{suffix}")


def locate(index: Path, photos: Sequence[Path], out: Path, more: Sequence[str]) -> None:
    """Run ``cvgl locate``."""
    run("locate", *photos, "--index", index, "-o", out, *more)


def locate_warm(index: Path, photos: Sequence[Path], out: Path, jobs: int) -> tuple[float, float]:
    """Locate photos, the first one beforehand; return wall and processor time of one."""
    from cvgl_core.commands.batch import BatchOptions, open_batch
    from cvgl_core.commands.inputs import PhotoInput
    from cvgl_core.commands.run import RunOptions, run_batch
    from cvgl_core.localization import LocalizeSettings
    from cvgl_core.types import no_progress

    batch = open_batch([index], None, "cpu", LocalizeSettings())
    first, *rest = [PhotoInput(path) for path in photos]
    options, how = BatchOptions(output=out), RunOptions(jobs=jobs)
    run_batch(batch, [first], options, how, len, no_progress)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    run_batch(batch, rest, options, how, len, no_progress)
    spent = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return spent[0] / len(rest), spent[1] / len(rest)


def export(results: Path, form: str, path: Path) -> None:
    """Run ``cvgl export``."""
    run("export", results, "--format", form, "-o", path)


def run(*arguments: object) -> None:
    """Run a command of cvgl in this process, its words thrown away."""
    from cvgl_core import cli, console

    sys.stdout = sys.stderr = io.StringIO()
    code = console.run(cli.app, "cvgl", [str(argument) for argument in arguments])
    assert code == 0, sys.stderr.getvalue()


def alone(step: Callable[..., tuple[float, float] | None], *arguments: object) -> Cost:
    """Return what a step costs in a process of its own, or says that it did."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_timed, args=(sender, step, *arguments))
    process.start()
    sender.close()
    cost: Cost = receiver.recv()
    process.join()
    return cost


def _timed(
    sender: object, step: Callable[..., tuple[float, float] | None], *arguments: object
) -> None:
    """Run a step and send its cost."""
    wall_s = time.perf_counter()
    said = step(*arguments)
    cost = Cost(
        *(said or (time.perf_counter() - wall_s, time.process_time())),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
    sender.send(cost)  # type: ignore[attr-defined]


def show(name: str, cost: Cost, start: Cost | None = None) -> None:
    """Print a cost, and how it compares with starting alone."""
    ratio = "" if start is None else f", {cost.cpu_s / start.cpu_s:.2f} x starting"
    print(
        f"  {name:22} {cost.wall_s:7.2f} s wall, {cost.cpu_s:6.2f} s of a processor, "
        f"peak {cost.peak_mb:.0f} MB{ratio}",
        flush=True,
    )


if __name__ == "__main__":
    main()
