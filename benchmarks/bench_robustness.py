"""What single degradations cost: the same weights and cities, seen worse in one way at a time.

    python benchmarks/bench_robustness.py --cities DIR [--weights FILE] [--views 200] [--test 1]
        [--only TEXT]

Takes the test cities and, where they are rendered, the foreign cities of simcity-v1 from DIR (see
docs/simcity.md). Every row is compared with the clean row of the same run. Figures are those of
``evaluation.gallery``: R@1 by descriptor and after re-ranking 50 tiles, the share of places found
within 10 m, and the median error in metres when the right tile is given.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from cvgl_core.data.citypack import CityPack, CitySpec, open_pack
from cvgl_core.data.simcity import simcity_specs
from cvgl_core.evaluation.gallery import Gallery
from cvgl_core.models import bundled_path, load_model
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import Float32Array, FloatArray, GroundSpec, ModelCard, UInt8Array

Change = Callable[[CityPack, GroundSpec], CityPack]
COLUMNS = ("r@1", "r@1 depth 50", "within 10 m", "given tile median m")
AIR_RGB = (196.0, 204.0, 214.0)
WARM, COLD = (1.18, 1.0, 0.80), (0.82, 1.0, 1.16)


def both(change: Callable[[UInt8Array], UInt8Array]) -> Change:
    """Change the orthophoto and every street view, ``[..., H, W, 3]``."""
    return lambda pack, _: replace(pack, aerial=change(pack.aerial), ground=change(pack.ground))


def aerial(change: Callable[[UInt8Array], UInt8Array]) -> Change:
    """Change the orthophoto alone."""
    return lambda pack, _: replace(pack, aerial=change(pack.aerial))


def coarse(gsd_m_per_px: float) -> Change:
    """Bring the orthophoto from a source of larger pixels."""

    def change(pack: CityPack, _: GroundSpec) -> CityPack:
        side = round(len(pack.aerial) * pack.gsd_m_per_px / gsd_m_per_px)
        small = cv2.resize(np.asarray(pack.aerial), (side, side), interpolation=cv2.INTER_AREA)
        size = pack.aerial.shape[1::-1]
        return replace(pack, aerial=cv2.resize(small, size, interpolation=cv2.INTER_LINEAR))

    return change


def compressed(images: UInt8Array, quality: int = 30) -> UInt8Array:
    """Write and read images as JPEG."""
    if images.ndim == 4:
        return np.stack([compressed(image, quality) for image in images])
    bgr = np.ascontiguousarray(images[..., ::-1])
    _, stream = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(stream, cv2.IMREAD_COLOR)[..., ::-1], np.uint8)


def hazy(images: UInt8Array) -> UInt8Array:
    """Mix in a third of pale air."""
    return (images * 0.66 + 0.34 * np.asarray(AIR_RGB)).astype(np.uint8)


def tinted(rgb: tuple[float, float, float]) -> Callable[[UInt8Array], UInt8Array]:
    """Multiply the channels."""
    return lambda images: np.clip(images * np.asarray(rgb), 0, 255).astype(np.uint8)


def grey(images: UInt8Array) -> UInt8Array:
    """Take the colours away (ITU-R BT.601 luma)."""
    luma = images @ np.array([0.299, 0.587, 0.114])
    return np.repeat(luma[..., None], 3, axis=-1).astype(np.uint8)


def turned(yaw_deg: float, tilt_deg: float, seed: int = 5) -> Change:
    """Turn each camera by ``yaw_deg`` either way, and tilt it towards a random side."""

    def change(pack: CityPack, spec: GroundSpec) -> CityPack:
        rng = np.random.default_rng(seed)
        views = []
        for strip in pack.ground:
            yaw = np.radians(yaw_deg) * rng.choice([-1, 1])
            views.append(rotated(strip, spec, _rotation(yaw, tilt_deg, rng.uniform(0, 2 * np.pi))))
        return replace(pack, ground=np.stack(views))

    return change


def _rotation(yaw_rad: float, tilt_deg: float, towards_rad: float) -> FloatArray:
    """Return camera to world (east, north, up): tilt about a level axis, then yaw."""
    axis = np.array([np.cos(towards_rad), np.sin(towards_rad), 0.0])
    tilt, _ = cv2.Rodrigues(axis * np.radians(tilt_deg))
    yaw, _ = cv2.Rodrigues(np.array([0.0, 0.0, -yaw_rad]))
    return np.asarray(yaw @ tilt)


def rotated(strip: UInt8Array, spec: GroundSpec, rotation: FloatArray) -> UInt8Array:
    """Return what a turned camera takes for a north-aligned strip ``[h, w, 3]``."""
    height, width = strip.shape[:2]
    top, bottom = np.radians([spec.elevation_top_deg, spec.elevation_bottom_deg])
    azimuth = (np.arange(width) + 0.5) / width * 2 * np.pi - np.pi
    elevation = top - (np.arange(height) + 0.5)[:, None] / height * (top - bottom)
    flat = np.cos(elevation)
    ray = np.stack(
        np.broadcast_arrays(flat * np.sin(azimuth), flat * np.cos(azimuth), np.sin(elevation))
    )
    east, north, up = np.tensordot(rotation, ray, axes=1)
    x = (np.arctan2(east, north) + np.pi) / (2 * np.pi) * width - 0.5
    y = (top - np.arcsin(np.clip(up, -1, 1))) / (top - bottom) * height - 0.5
    padded = np.concatenate([strip[:, -1:], strip, strip[:, :1]], axis=1)
    maps: list[Float32Array] = [(x + 1).astype(np.float32), y.astype(np.float32)]
    return np.asarray(
        cv2.remap(padded, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


CHANGES: dict[str, Change] = {
    "clean": lambda pack, _: pack,
    "aerial from 0.6 m pixels": coarse(0.6),
    "aerial from 1.0 m pixels": coarse(1.0),
    "JPEG quality 30, both": both(compressed),
    "haze, aerial": aerial(hazy),
    "haze, both": both(hazy),
    "warm cast, aerial": aerial(tinted(WARM)),
    "cold cast, aerial": aerial(tinted(COLD)),
    "grey, aerial": aerial(grey),
    "grey, both": both(grey),
    "tilt 3 deg": turned(0.0, 3.0),
    "heading off by 5 deg": turned(5.0, 0.0),
    "heading off by 10 deg": turned(10.0, 0.0),
}


def measure(
    model: UnifyGeo, card: ModelCard, packs: Sequence[CityPack], change: Change, views: int
) -> list[float]:
    """Return the means over cities of the figures in ``COLUMNS``."""
    rows = []
    for pack in packs:
        changed = change(
            replace(pack, ground=pack.ground[:views], xy_m=pack.xy_m[:views]), card.ground
        )
        figures = Gallery(model, card, changed, torch.device("cpu")).figures(views)
        rows.append([figures[column] for column in COLUMNS])
    return [float(value) for value in np.mean(rows, axis=0)]


def _found(specs: Sequence[CitySpec], cache: Path) -> list[CityPack]:
    return [pack for spec in specs if (pack := open_pack(spec, cache)) is not None]


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cities", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=bundled_path("unifygeo-lite0"))
    parser.add_argument("--views", type=int, default=200)
    parser.add_argument("--test", type=int, default=1, help="how many of the test cities")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds TEXT")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, card = load_model(args.weights)
    test = _found(simcity_specs(card, "test")[: args.test], args.cities)
    foreign = _found(simcity_specs(card, "foreign"), args.cities)
    if not test:
        parser.error(f"{args.cities}: no test city; run cvgl simulate benchmark simcity-v1")
    print(f"{len(test)} test and {len(foreign)} foreign cities, each its own gallery,")
    print(f"{args.views} views each, {args.weights.name}\n")
    print("| degradation | R@1 | R@1 re-ranked (50) | within 10 m | median, tile given |")
    print("|---|---|---|---|---|", flush=True)
    rows = [(name, test, change) for name, change in CHANGES.items()]
    rows += [("foreign cities", foreign, CHANGES["clean"])] if foreign else []
    for name, packs, change in (row for row in rows if args.only in row[0]):
        first, reranked, near, median = measure(model, card, packs, change, args.views)
        print(
            f"| {name} | {100 * first:.1f} % | {100 * reranked:.1f} % | {100 * near:.1f} % "
            f"| {median:.2f} m |",
            flush=True,
        )


if __name__ == "__main__":
    main()
