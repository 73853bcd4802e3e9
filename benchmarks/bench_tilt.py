"""How well tilt is estimated from upright edges, and what it is worth to the search.

Panoramas of a simulated city are cut into photos of known pitch and roll. Each is taken for level,
as estimated where that is trusted, and as it was; figures are of the estimate's error and of the
true square's rank by descriptor, north known. The index is made by ``cvgl-tile build``.

    cvgl simulate city -o DIR --seed 90901 --size-m 500 --photos 0
    cvgl-tile build DIR/ortho.tif -o DIR/city.cvgl
    python benchmarks/bench_tilt.py DIR/city.cvgl --seed 90901 --size-m 500
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from cvgl_core.index import Index
from cvgl_core.models import load_engine
from cvgl_core.photo import to_ground_view, to_perspective
from cvgl_core.photo.verticals import Tilt, estimate_tilt
from cvgl_core.simulation.cameras import sample_cameras
from cvgl_core.simulation.city import generate_city
from cvgl_core.simulation.render import StreetRenderer
from cvgl_core.simulation.scene import Cameras
from cvgl_core.types import Photo, PhotoMetadata, Projection, UInt8Array

WIDTH, HEIGHT, TOP_DEG = 2048, 800, 70.3125


def panorama(rgb: UInt8Array) -> Photo:
    meta = PhotoMetadata(
        WIDTH, HEIGHT, Projection.EQUIRECTANGULAR, sources={"projection": "XMP GPano"},
        pano_full_width_px=WIDTH, pano_full_height_px=WIDTH // 2,
        pano_top_px=(WIDTH // 2 - HEIGHT) // 2,
    )  # fmt: skip
    return Photo(Path("panorama"), "", rgb, meta)


def show(name: str, ranks: list[dict[str, int]]) -> None:
    for how in ("level", "estimated", "true"):
        rank = np.array([row[how] for row in ranks])
        first, five = 100 * (rank == 1).mean(), 100 * (rank <= 5).mean()
        print(f"{name}, {how}: R@1 {first:.1f} R@5 {five:.1f} median rank {np.median(rank):.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("--seed", type=int, default=90901)
    parser.add_argument("--size-m", type=float, default=500.0)
    parser.add_argument("--places", type=int, default=60)
    parser.add_argument("--photos", type=int, default=110)
    args = parser.parse_args()
    index = Index.open(args.index)
    engine = load_engine(index.manifest.model)
    red, green, blue = (round(255 * value) for value in engine.card.mean_rgb)
    described = np.asarray(index.descriptors[:], np.float32)
    x_m, y_m = index.grid.centre(index.rows, index.cols)
    city = generate_city(args.seed, args.size_m)
    cameras, renderer = sample_cameras(city.ground, args.places, 5), StreetRenderer(city.ground)
    rng, errors, ranks, trusted = np.random.default_rng(11), [], [], []
    for number in range(args.photos):
        at = slice(number % args.places, number % args.places + 1)
        here = Cameras(cameras.x_m[at], cameras.y_m[at], cameras.height_m[at])
        seen = renderer.panoramas(here, HEIGHT, WIDTH, TOP_DEG, -TOP_DEG, at.start)[0].numpy()
        fov, turn = float(rng.choice([60, 70, 90])), float(rng.uniform(-180, 180))
        tilt = (
            float(np.clip(rng.normal(0, 6), -18, 18)),
            float(np.clip(rng.normal(0, 3), -10, 10)),
        )
        size = (640, 480) if rng.random() < 0.6 else (480, 640)
        rgb = to_perspective(panorama(seen), fov, size, turn, *tilt)
        found: Tilt | None = estimate_tilt(rgb, fov)
        used = (0.0, 0.0)
        if found is not None and found.trustworthy:
            used = (found.pitch_deg, found.roll_deg)
            errors.append(np.abs(np.subtract([used, (0.0, 0.0)], tilt)))
        true_x, true_y = city.origin_e_m + here.x_m[0], city.origin_n_m - here.y_m[0]
        tile = int(np.hypot(x_m - true_x, y_m - true_y).argmin())
        row = {}
        for how, (pitch, roll) in {"level": (0.0, 0.0), "estimated": used, "true": tilt}.items():
            meta = PhotoMetadata(*size, Projection.PERSPECTIVE, fov_deg=fov)
            meta = replace(meta, pitch_deg=pitch, roll_deg=roll)
            photo = Photo(Path("photo"), "", rgb, meta)
            view = to_ground_view(photo, engine.card.ground, turn, None, (red, green, blue))
            scores = described @ np.asarray(engine.describe_view(view).descriptors[0], np.float32)
            row[how] = 1 + int((scores > scores[tile]).sum())
        ranks.append(row)
        trusted.append(found is not None and found.trustworthy)
    print(f"trusted {len(errors)} of {args.photos}; {len(described)} squares")
    for name, which in (("estimated", 0), ("level", 1)):
        off = np.array(errors)[:, which]
        middle, tenth = np.median(off, axis=0), np.percentile(off, 90, axis=0)
        print(f"{name}: pitch, roll off by {middle} (median), {tenth} (9 in 10), {off.max(axis=0)}")
    show("all", ranks)
    show("trusted", [row for row, yes in zip(ranks, trusted, strict=True) if yes])


if __name__ == "__main__":
    main()
