"""Calibrates the probabilities of photos from above, on simulated cities.

    python benchmarks/calibrate_from_above.py runs/above --cities 4 --photos 12

Drones fly over simulated cities: half of the photos look straight down, half obliquely; headings,
pitches and heights are stated with errors as real drones make them. Every photo is looked for in
its own city; others are looked for where they were not taken. What was found is kept in
``FOLDER/CITY.npz``; the numbers that make the truth most probable are printed, and how they do.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np

from cvgl_core.geo import from_lonlat, to_lonlat
from cvgl_core.index import Index
from cvgl_core.localization.fromabove import OverheadLocalizer
from cvgl_core.models import load_engine
from cvgl_core.photo.overhead import overhead_of
from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.drones import Flight, photograph
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras, City
from cvgl_core.simulation.sight import DRONE_SIGHT
from cvgl_core.simulation.writer import write_city
from cvgl_core.types import Photo, PhotoMetadata, Projection

FIRST_SEED = 990_100
SIDE_M, BORDER_M = 500.0, 90.0
SIDE_PX, FOV_DEG = 288, 66.0
HEADING_STD_DEG, PITCH_STD_DEG, HEIGHT_STD = 6.0, 0.5, 0.03
RIGHT_M = 12.0

Case = dict[str, np.ndarray]


def fly(city: City, count: int, seed: int) -> list[Photo]:
    """Photos of a flight as their drone states them; ``exif_*`` is the truth."""
    rng = np.random.default_rng([seed, 0xD12])
    x, y = rng.uniform(BORDER_M, SIDE_M - BORDER_M, (2, count))
    height = rng.uniform(40.0, 120.0, count)
    heading = rng.uniform(0.0, 360.0, count)
    pitch = np.where(np.arange(count) % 2, rng.uniform(-70.0, -45.0, count), -90.0)
    places = Cameras(*(np.float32(values) for values in (x, y, height)))
    flight = Flight(places, np.float32(heading), np.float32(pitch))
    renderer = StreetRenderer(city.ground, sight=DRONE_SIGHT)
    pictures = photograph(renderer, flight, FOV_DEG, SIDE_PX, seed)
    lon, lat = to_lonlat(city.crs, city.origin_e_m + x, city.origin_n_m - y)
    photos = []
    for number, rgb in enumerate(pictures):
        meta = PhotoMetadata(
            SIDE_PX,
            SIDE_PX,
            Projection.PERSPECTIVE,
            heading_deg=float(heading[number] + rng.normal(0, HEADING_STD_DEG)) % 360.0,
            fov_deg=FOV_DEG,
            pitch_deg=float(max(pitch[number] + rng.normal(0, PITCH_STD_DEG), -94.0)),
            roll_deg=0.0,
            height_m=float(height[number] * (1 + rng.normal(0, HEIGHT_STD))),
            exif_lon=float(lon[number]),
            exif_lat=float(lat[number]),
        )
        photos.append(Photo(Path(f"{seed}-{number}.jpg"), "0" * 64, rgb, meta))
    return photos


def look(above: OverheadLocalizer, photo: Photo) -> Case:
    """Scores of tiles, whether they are right, and the surface of the best right one."""
    meta = photo.metadata
    grid_deg = meta.heading_deg - above.convergence_deg
    found = above.search(photo, overhead_of(photo), grid_deg).matches
    x, y = (
        float(v[0]) for v in from_lonlat(above.index.grid.crs, [meta.exif_lon], [meta.exif_lat])
    )
    cell_m = above._search.gsd_m
    errors_m, truths = [], []
    for best in found:
        tops, lefts = above._search.corners(np.array([best.tile]))
        row, col = np.unravel_index(best.scores.argmax(), best.scores.shape)
        east, north = best.turned.to_camera_m
        truth_col = (x - east) / cell_m - int(lefts[0]) - 0.5
        truth_row = -(y - north) / cell_m - int(tops[0]) - 0.5
        truths.append((truth_row, truth_col))
        errors_m.append(float(np.hypot(row - truth_row, col - truth_col)) * cell_m)
    right = np.array(errors_m) < RIGHT_M
    first = int(right.argmax())
    return {
        "scores": np.array([best.score for best in found]),
        "right": right,
        "surface": found[first].scores,
        "truth": np.array(truths[first]),
        "error_m": np.array(errors_m[0]),
        "pitch": np.array(meta.pitch_deg),
        "height": np.array(meta.height_m),
    }


def run_city(folder: Path, number: int, photos: int) -> None:
    """Simulate a city, build its index, fly, look for its photos and for some of another."""
    seed = FIRST_SEED + number
    kept = folder / f"{seed}.npz"
    if kept.exists():
        return
    city = generate_city(seed, SIDE_M, 0.25)
    index_path = folder / f"{seed}.cvgl"
    if not index_path.exists():
        write_city(city, folder / str(seed), photos=0)
        program = Path(sys.executable).with_name("cvgl-tile")
        ortho = folder / str(seed) / "ortho.tif"
        subprocess.run([program, "build", ortho, "-o", index_path, "--workers", "1"], check=True)
    index = Index.open(index_path)
    above = OverheadLocalizer(index, load_engine(index.manifest.model, "cpu"))
    out: Case = {}
    for place, photo in enumerate(fly(city, photos, seed)):
        out |= {f"own/{place}/{key}": value for key, value in look(above, photo).items()}
    elsewhere = generate_city(seed + 50, SIDE_M, 0.25)
    for place, photo in enumerate(fly(elsewhere, photos // 2, seed + 50)):
        out |= {f"other/{place}/{key}": value for key, value in look(above, photo).items()}
    np.savez_compressed(kept, **out)


def load(folder: Path) -> list[Case]:
    cases = []
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as kept:
            names = sorted({name.rsplit("/", 1)[0] for name in kept.files})
            for name in names:
                case = {
                    key: kept[f"{name}/{key}"] for key in ("scores", "right", "surface", "truth")
                }
                case |= {key: kept[f"{name}/{key}"] for key in ("error_m", "pitch", "height")}
                case["own"] = np.array(name.startswith("own"))
                case["city"] = np.array(int(path.stem))
                cases.append(case)
    return cases


def log_loss(
    cases: list[Case], temperature: float, logit: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean minus log-probability of the truth; probability of the best; whether it is right."""
    losses, stated, hits = [], [], []
    for case in cases:
        logits = np.append(case["scores"] / temperature, logit)
        shares = np.exp(logits - logits.max())
        shares /= shares.sum()
        right = bool(case["own"]) and bool(case["right"].any())
        truth = shares[:-1][case["right"]].sum() if right else shares[-1]
        losses.append(-np.log(max(truth, 1e-9)))
        place = shares[:-1][np.abs(case["scores"] - case["scores"][0]) < 1e-9].sum()
        stated.append(place)
        hits.append(bool(case["own"]) and float(case["error_m"]) < RIGHT_M)
    return float(np.mean(losses)), np.array(stated), np.array(hits)


def heat_loss(cases: list[Case], temperature: float) -> float:
    losses = []
    for case in cases:
        row, col = np.rint(case["truth"]).astype(int)
        side = len(case["surface"])
        if not case["own"] or not case["right"].any() or not (0 <= row < side and 0 <= col < side):
            continue
        logits = case["surface"] / temperature
        logits = logits - logits.max()
        losses.append(-(logits[row, col] - np.log(np.exp(logits).sum())))
    return float(np.mean(losses))


def fit(cases: list[Case]) -> tuple[float, float, float]:
    best = min(
        (log_loss(cases, t, z / t)[0], t, z)
        for t in np.geomspace(0.1, 2.0, 25)
        for z in np.arange(3.5, 8.01, 0.1)
    )
    heat = min((heat_loss(cases, t), t) for t in np.geomspace(0.05, 4.0, 40))
    return best[1], best[2], heat[1]


def report(folder: Path) -> None:
    cases = load(folder)
    cities = sorted({int(case["city"]) for case in cases})
    own = [case for case in cases if case["own"]]
    for name, part in (
        ("straight down", [c for c in own if c["pitch"] < -80]),
        ("oblique", [c for c in own if c["pitch"] >= -80]),
    ):
        errors = np.array([float(case["error_m"]) for case in part])
        scores = np.round(np.quantile([case["scores"][0] for case in part], [0.1, 0.5, 0.9]), 1)
        print(
            f"{name}: {len(part)} photos, best place within {RIGHT_M:g} m"
            f" {np.mean(errors < RIGHT_M):.0%}, median {np.median(errors):.1f} m; scores {scores}"
        )
    other = [case["scores"][0] for case in cases if not case["own"]]
    best = np.round(np.quantile(other, [0.5, 0.9, 1]), 1)
    print(f"elsewhere: {len(other)} photos, best score {best}")
    temperature, z, heat = fit(cases)
    print(
        f"fitted on all: temperature {temperature:.3f}, outside_logit {z / temperature:.2f}", end=""
    )
    print(f" (a score of {z:.1f}), heatmap_temperature {heat:.3f}")
    if len(cities) < 2:
        return print("one city only: nothing is held out")
    stated, hits = [], []
    for city in cities:
        rest = [case for case in cases if int(case["city"]) != city]
        held = [case for case in cases if int(case["city"]) == city]
        t, z, _ = fit(rest)
        _, p, hit = log_loss(held, t, z / t)
        stated.append(p)
        hits.append(hit)
    stated, hits = np.concatenate(stated), np.concatenate(hits)
    print("each city by numbers fitted on the others:")
    for low, high in ((0, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.01)):
        inside = (stated >= low) & (stated < high)
        if inside.any():
            print(
                f"  stated {low:.2f} to {min(high, 1):.2f}: {inside.sum()} photos, mean"
                f" {stated[inside].mean():.2f}, right {hits[inside].mean():.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cities", type=int, default=4)
    parser.add_argument("--photos", type=int, default=12)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for number in range(asked.cities):
        run_city(asked.folder, number, asked.photos)
    report(asked.folder)


if __name__ == "__main__":
    main()
