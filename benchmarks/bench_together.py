"""Several photos of one walk, located alone and together, in simulated cities never seen.

    python benchmarks/bench_together.py [--work DIR] [--seeds 80001 80002 80003 80004] [--walks 20]
        [--photos 5] [--size-m 1224] [--weights FILE] [--only TEXT] [--fit]

Renders walks through each city (steps of 15 to 40 m along open ground, every photo turned at
random), builds an index of each, and searches all cities as one gallery: they lie side by side in
one zone. Prints a table for each kind of photo: the share placed within 10 m, of all photos and of
the surest one of each walk, and how far above the surest photo alone that is. ``DIR`` keeps cities
and indexes for the next run. Intervals hold 95 % of 1,000 resamples of whole walks. ``--fit``
prints what each correlation would have given, on the validation city, instead.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch

from cvgl_core.evaluation.metrics import bootstrap
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.index import Collection, Index
from cvgl_core.localization import Localizer, LocalizeSettings
from cvgl_core.localization.estimate import Place, distances
from cvgl_core.localization.motion import Step
from cvgl_core.localization.result import Fused
from cvgl_core.localization.together import CORRELATION
from cvgl_core.localization.walk import ALL_TILES, Shot, gather, join
from cvgl_core.models import Engine, bundled_path, load_engine
from cvgl_core.simulation import Cameras, City, GroundScene, generate_city
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.writer import write_city
from cvgl_core.types import FloatArray, GroundSpec, GroundView, ModelCard, UInt8Array

GSD_M = 0.25
STEP_M = (15.0, 40.0)
VALIDATION_SEED = 9001
NEAR_M = 10.0
POOL = 6000
ZONE, APART_M = "EPSG:32633", 6000.0
ALONE = "alone"
CORRELATIONS = (0.0, 0.02, 0.05, 0.1, 0.3, 1.0)


@dataclass(frozen=True)
class Walks:
    """North-aligned strips ``[W, n, h, w, 3]`` and where they were taken, grid metres."""

    strips: UInt8Array
    xy_m: FloatArray


@dataclass(frozen=True)
class Kind:
    """What photos show, and how well their headings are known: 0 exactly, None not at all."""

    fov_deg: float
    heading_std_deg: float | None = None

    @property
    def name(self) -> str:
        """In a few words."""
        known = {0.0: "known heading", None: "unknown heading"}
        told = known.get(self.heading_std_deg, f"heading to {self.heading_std_deg or 0:g} degrees")
        return f"{self.fov_deg:g}, {told}"


KINDS = (
    Kind(90.0, 0.0),
    Kind(90.0, 20.0),
    Kind(120.0, 0.0),
    Kind(120.0, 20.0),
    Kind(180.0, 0.0),
    Kind(180.0, 20.0),
    Kind(180.0),
    Kind(90.0),
    Kind(360.0),
)
"""Where a single photo is hard first; those of unknown heading take 32 times as long to search."""


def city_at(
    folder: Path, seed: int, card: ModelCard, size_m: float, walks: int, photos: int
) -> tuple[Path, Walks]:
    """Return a city's orthophoto and its walks, rendered once; its place is that of its number."""
    folder = folder / f"walks-{seed}-{size_m:g}m-{walks}x{photos}-{card.ground.width_px}"
    found = folder / "walks.npz"
    if not found.exists():
        city = generate_city(seed, size_m, GSD_M)
        east_m, north_m = 300_000.0 + seed % 50 * APART_M, 5_000_000.0 + seed // 50 % 50 * APART_M
        city = replace(city, crs=ZONE, origin_e_m=east_m, origin_n_m=north_m)
        write_city(city, folder, photos=0)
        places = draw_walks(city.ground, walks, photos, np.random.default_rng(seed))
        strips = render(city, places, card.ground, seed)
        x_m, y_m = city.origin_e_m + places[..., 0], city.origin_n_m - places[..., 1]
        np.savez(folder / "part.npz", strips=strips, xy_m=np.stack([x_m, y_m], axis=-1))
        (folder / "part.npz").rename(found)
    with np.load(found) as kept:
        return folder / "ortho.tif", Walks(kept["strips"], kept["xy_m"])


def draw_walks(scene: GroundScene, walks: int, photos: int, rng: np.random.Generator) -> FloatArray:
    """Return camera places of walks, city frame ``[W, n, 2]``: nothing stands between two."""
    pool = sample_cameras(scene, POOL, seed=int(rng.integers(1 << 30)))
    places = np.stack([pool.x_m, pool.y_m], axis=1).astype(np.float64)
    found: list[FloatArray] = []
    while len(found) < walks:
        walk = [places[rng.integers(len(places))]]
        while len(walk) < photos:
            away_m = np.hypot(*(places - walk[-1]).T)
            fresh = np.min([np.hypot(*(places - one).T) for one in walk], axis=0) > STEP_M[0]
            near = np.flatnonzero(fresh & (away_m <= STEP_M[1]))
            chosen = next(
                (i for i in rng.permutation(near) if _open(scene, walk[-1], places[i])), None
            )
            if chosen is None:
                break
            walk.append(places[chosen])
        if len(walk) == photos:
            found.append(np.array(walk))
    return np.array(found)


def _open(scene: GroundScene, start: FloatArray, end: FloatArray) -> bool:
    """Tell whether nothing higher than a kerb stands on a line."""
    line = start + np.linspace(0, 1, 80)[:, None] * (end - start)
    col, row = (line / scene.gsd_m_per_px).astype(np.int64).T
    return bool((scene.height_m[row, col] < 0.3).all())


def render(city: City, places: FloatArray, spec: GroundSpec, seed: int) -> UInt8Array:
    """Return the north-aligned strips of all cameras ``[W, n, h, w, 3]``."""
    flat = places.reshape(-1, 2).astype(np.float32)
    heights_m = np.random.default_rng(seed).uniform(1.4, 2.0, len(flat)).astype(np.float32)
    views = StreetRenderer(city.ground).panoramas(
        Cameras(flat[:, 0].copy(), flat[:, 1].copy(), heights_m),
        2 * spec.height_px,
        2 * spec.width_px,
        spec.elevation_top_deg,
        spec.elevation_bottom_deg,
        seed,
    )
    blocks = views.numpy().reshape(len(flat), spec.height_px, 2, spec.width_px, 2, 3)
    small = blocks.mean(axis=(2, 4)).round().astype(np.uint8)
    return np.asarray(small.reshape(*places.shape[:2], spec.height_px, spec.width_px, 3))


def index_at(ortho: Path, weights: Path, sha256: str) -> Index:
    """Return the index of an orthophoto, built once."""
    path = ortho.with_name(f"{sha256[:12]}.cvgl")
    code = "import sys; from tiling.cli import main; sys.argv[0] = 'cvgl-tile'; main()"
    command = [sys.executable, "-c", code, "build", str(ortho), "-o", str(path)]
    command += ["--model", str(weights), "--workers", "1"]
    if not path.exists():
        subprocess.run(command, check=True, capture_output=True, env={**os.environ})
    return Index.open(path)


def shots_of(
    strips: UInt8Array, kind: Kind, card: ModelCard, rng: np.random.Generator
) -> Iterator[Shot]:
    """Yield a walk's photos, every one turned at random, and what is known of them."""
    width = strips.shape[2]
    fill = np.round(255 * np.array(card.mean_rgb)).astype(np.uint8)
    shown = np.abs(np.arange(width) + 0.5 - width / 2) <= width * kind.fov_deg / 720
    for strip in strips:
        turn_px = int(rng.integers(width))
        turn_deg = turn_px * 360.0 / width
        if kind.heading_std_deg == 0:  # north in the middle, the photo where it looks to
            visible = np.roll(shown, turn_px)
            rgb = np.where(visible[None, :, None], strip, fill)
            yield Shot(GroundView(rgb, visible, 0.0, turn_deg))
            continue
        rgb = np.where(shown[None, :, None], np.roll(strip, -turn_px, axis=1), fill)
        prior = None
        if kind.heading_std_deg is not None:
            told_deg = turn_deg + rng.normal(0, kind.heading_std_deg)
            prior = HeadingPrior(told_deg % 360.0, kind.heading_std_deg)
        yield Shot(GroundView(rgb, shown, None), prior)


@dataclass(frozen=True)
class Figures:
    """Of every photo ``[W, n]``: distance of the estimate, mass near it and near the truth."""

    error_m: FloatArray
    stated: FloatArray
    given: FloatArray
    outside: FloatArray


def figures_of(found: Sequence[Fused], xy_m: FloatArray) -> FloatArray:
    """Measure the posteriors of the photos of a walk, ``[n, 4]`` as in ``Figures``."""
    rows = []
    for fused, (x_m, y_m) in zip(found, xy_m, strict=True):
        cells, place = fused.field.cells(), fused.place
        near = distances(cells, fused.field.cell_m, place) <= NEAR_M
        true = distances(cells, fused.field.cell_m, Place(x_m, y_m)) <= NEAR_M
        error_m = np.hypot(place.x_m - x_m, place.y_m - y_m)
        stated, given = cells.mass[near].sum(), cells.mass[true].sum()
        rows.append((error_m, stated, given, fused.shares.outside))
    return np.array(rows)


Motion = Callable[[FloatArray], list[Step]]


def somewhere_near(places: FloatArray) -> list[Step]:
    """Tell only that the next photo is at most 50 m away."""
    return [Step(reach_m=50.0) for _ in places[1:]]


def paced(places: FloatArray) -> list[Step]:
    """Tell where the next photo is to some 3 m, as counted steps and a compass do."""
    rng = np.random.default_rng(int(places[0, 0]) % 1000)
    walked = np.diff(places, axis=0) + rng.normal(0, 3.0, (len(places) - 1, 2))
    return [Step(float(east), float(north), std_m=3.0) for east, north in walked]


MOTIONS: dict[str, Motion] = {"next within 50 m": somewhere_near, "offsets to 3 m": paced}


def likely(figures: Figures) -> FloatArray:
    """Return the mean logarithm of the probability given to the true 10 m, per walk ``[W]``."""
    return np.log(np.maximum(figures.given, 1e-6)).mean(axis=1)


def percent(values: FloatArray) -> str:
    """Return a mean over walks ``[W]`` and its interval in percent."""
    found = bootstrap(lambda drawn: 100.0 * float(drawn.mean()), values)
    return f"{found.value:.1f} [{found.low:.1f}, {found.high:.1f}]"


def surest(figures: Figures, hits: FloatArray) -> FloatArray:
    """Return whether the photo of each walk that is surest of its place is right ``[W]``."""
    chosen = figures.stated.argmax(axis=1)[:, None]
    return np.take_along_axis(hits, chosen, axis=1)[:, 0]


def report(kind: Kind, found: dict[str, Figures]) -> None:
    """Print what one kind of photo gains."""
    hits = {name: (one.error_m <= NEAR_M).astype(np.float64) for name, one in found.items()}
    base = surest(found[ALONE], hits[ALONE])
    any_of = hits[ALONE].max(axis=1)
    for name, figures in found.items():
        each, best = hits[name].mean(axis=1), surest(figures, hits[name])
        gains = (percent(each - base), percent(best - base)) if name != ALONE else ("", "")
        cells = (kind.name, name, percent(each), gains[0], percent(best), gains[1])
        rest = f"{figures.stated.mean():.2f} | {likely(figures).mean():.2f}"
        print(f"| {' | '.join(cells)} | {rest} |", flush=True)
    print(f"| {kind.name} | any of a walk's, alone | {percent(any_of)} | | | | | |", flush=True)


class Gallery:
    """Cities, their indexes searched as one, and their walks."""

    def __init__(self, engine: Engine, weights: Path, cities: Sequence[tuple[Path, Walks]]) -> None:
        self.card = engine.card
        assert self.card.weights_sha256 is not None
        indexes = [index_at(ortho, weights, self.card.weights_sha256) for ortho, _ in cities]
        self.walks = [
            walk for _, each in cities for walk in zip(each.strips, each.xy_m, strict=True)
        ]
        settings = LocalizeSettings(fused_tiles=ALL_TILES)
        self.localizer = Localizer(Collection(indexes), engine, settings)

    def measured(self, kind: Kind, correlations: Sequence[float]) -> dict[str, Figures]:
        """Return figures of the walks by how their photos were located."""
        rng = np.random.default_rng(7)
        rows: defaultdict[str, list[FloatArray]] = defaultdict(list)
        for number, (strips, places) in enumerate(self.walks, start=1):
            gathered = gather(self.localizer, list(shots_of(strips, kind, self.card, rng)))
            alone = [search.fused for search in gathered.photos]
            rows[ALONE].append(figures_of(alone, places))
            for (name, steps), correlation in product(MOTIONS.items(), correlations):
                joint = join(gathered, steps(places), correlation)
                name += f", correlation {correlation:g}" if len(correlations) > 1 else ""
                rows[name].append(figures_of([search.fused for search in joint], places))
            print(f"{kind.name}: {number} of {len(self.walks)} walks", file=sys.stderr, flush=True)
        return {name: Figures(*np.array(each).transpose(2, 0, 1)) for name, each in rows.items()}


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[80001, 80002, 80003, 80004])
    parser.add_argument("--size-m", type=float, default=1224.0, help="side of each city")
    parser.add_argument("--walks", type=int, default=20, help="in each city")
    parser.add_argument("--photos", type=int, default=5, help="of each walk")
    parser.add_argument("--weights", type=Path, default=bundled_path("unifygeo-lite0"))
    parser.add_argument("--only", default="", metavar="TEXT", help="kinds whose name holds TEXT")
    parser.add_argument("--fit", action="store_true", help="compare correlations")
    args = parser.parse_args()
    torch.set_num_threads(1)
    seeds = [VALIDATION_SEED] if args.fit else args.seeds
    tried = CORRELATIONS if args.fit else (CORRELATION,)
    with tempfile.TemporaryDirectory() as temporary:
        work = args.work or Path(temporary)
        engine = load_engine(str(args.weights), "cpu")
        shape = (args.size_m, args.walks, args.photos)
        cities = [city_at(work, seed, engine.card, *shape) for seed in seeds]
        gallery = Gallery(engine, args.weights, cities)
        tiles, walks = len(gallery.localizer.index.rows), len(gallery.walks)
        print(f"cities {seeds}: {tiles:,} tiles, {walks} walks of {args.photos} photos")
        print(f"{args.weights.name} {gallery.card.weights_sha256:.12}\n")
        print("| photos | located | all within 10 m, % | over the surest alone | the surest, % |"
              " over the surest alone | stated | log given |")  # fmt: skip
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for kind in (kind for kind in KINDS if args.only in kind.name):
            report(kind, gallery.measured(kind, tried))


if __name__ == "__main__":
    main()
