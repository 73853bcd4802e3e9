"""Fit what makes up for borders where overlapping tiles share the network's trunk.

Run: ``OMP_NUM_THREADS=1 python benchmarks/fit_shared_trunk.py CITIES``: CITIES holds the rendered
training cities, as ``cvgl train`` keeps them, and those of ``cvgl simulate benchmark simcity-v1
--part test --part validation``. A few minutes of one core.

From blocks of the training cities: 3 x 3 convolutions that tell most of what the features of
tiles alone have and those of the mosaic lack (reduced-rank regression), then, for each position of
a tile, the linear map with the least squared error. What R@1 loses is measured on the other cities.
The file beside the weights holds both; builds share the trunk by default where the loss is small.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from bench_network import block_mosaic, blocks, recall, ways_of
from torch import Tensor

from cvgl_core.data import simcity
from cvgl_core.data.citypack import open_pack
from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.models import DEFAULT_MODEL, Engine, bundled_path, load_engine, load_model
from cvgl_core.models.mosaic import (
    Correction,
    cut_windows,
    save_correction,
    with_mixtures,
    without_margin,
)

_SIZE = 3
_MIXTURES = 128
_RIDGE = 1e-4
_BATCH = 32


@dataclass(frozen=True)
class Sample:
    """A block of tiles.

    Attributes:
        features: of its mosaic with the margin ``[1, C, h, w]``.
        corners_px: of its tiles ``[K, 2]``.
        alone: features of the tiles alone, position by position ``[P, K, C]``.
    """

    features: Tensor
    corners_px: np.ndarray
    alone: Tensor

    def windows(self, maps: Tensor) -> Tensor:
        """Cut a map of the mosaic for each tile and add ones: ``[P, K, C + 1]``."""
        side = round(len(self.alone) ** 0.5) * 16
        cut = by_position(cut_windows(maps, self.corners_px, side))
        return torch.cat([cut, torch.ones_like(cut[..., :1])], dim=2)

    def missing(self) -> Tensor:
        """What tiles alone have and the mosaic lacks ``[P, K, C]``."""
        return self.alone - self.windows(without_margin(self.features))[..., :-1]


def by_position(windows: Tensor) -> Tensor:
    """Return windows ``[K, C, s, s]`` as ``[s * s, K, C]``."""
    return windows.permute(2, 3, 0, 1).flatten(0, 1).float()


def samples(engine: Engine, aerials: Sequence[Path]) -> Iterator[Sample]:
    """Yield the fullest block of each city; features alone are those of single precision."""
    trunk, side = engine.model.aerial.trunk, engine.card.aerial_px
    for aerial in aerials:
        grid = CityGrid.of(_Picture(np.load(aerial, mmap_mode="r")), side)  # type: ignore[arg-type]
        tiles = max(blocks(grid), key=len)
        mosaic, corners_px = block_mosaic(grid, tiles)
        rgb = grid.cut(tiles)
        parts = [rgb[i : i + _BATCH] for i in range(0, len(rgb), _BATCH)]
        alone = torch.cat([trunk(engine._normalised(part))[2] for part in parts])
        yield Sample(engine._mosaic_features(mosaic).float(), corners_px, by_position(alone))


@torch.inference_mode()
def fit(engine: Engine, aerials: Sequence[Path]) -> Correction:
    """Fit on a block of each of some cities' orthophotos."""
    taken = list(samples(engine, aerials))
    if not taken:
        raise SystemExit("no city to fit on")
    mix = mixtures(taken)
    found = least_squares(taken, mix)
    channels = found.shape[2]
    found[:, range(channels), range(channels)] += 1.0
    return Correction(mix, found[:, :-1], found[:, -1:])


def mixtures(taken: Sequence[Sample]) -> Tensor:
    """Return the convolutions that, at all positions together, tell most of what is missing.

    Features around are whitened; the largest singular vectors of the regression on them are kept.
    """
    of_x = with_y = torch.zeros(())
    for sample in taken:
        inner = sample.features[:, :, 1:-1, 1:-1]
        height, width = (side - _SIZE + 1 for side in inner.shape[2:])
        around = F.unfold(inner, _SIZE).reshape(1, -1, height, width)
        x = sample.windows(around)
        flat = x.flatten(0, 1)
        of_x = of_x + flat.T @ flat
        with_y = with_y + x.mT @ sample.missing()
    of_x.diagonal()[:-1] += _RIDGE * of_x.diagonal()[:-1].mean()
    root = torch.linalg.cholesky(of_x)
    inputs = len(of_x)
    whitened = torch.linalg.solve_triangular(
        root, with_y.transpose(0, 1).reshape(inputs, -1), upper=False
    )
    largest = torch.linalg.eigh(whitened @ whitened.T)[1].flip(1)[:, :_MIXTURES]
    count = sum(sample.alone.shape[:2].numel() for sample in taken)
    kernels = torch.linalg.solve_triangular(root.T, largest, upper=True) * count**0.5
    channels = taken[0].alone.shape[2]
    return kernels[:-1].T.reshape(-1, channels, _SIZE, _SIZE).contiguous()


def least_squares(taken: Sequence[Sample], mix: Tensor) -> Tensor:
    """Return, for each position, the map from features and mixtures to what is missing."""
    of_x = with_y = torch.zeros(())
    for sample in taken:
        x = sample.windows(with_mixtures(sample.features, mix))
        of_x = of_x + x.mT @ x
        with_y = with_y + x.mT @ sample.missing()
    diagonal = of_x.diagonal(dim1=1, dim2=2)[:, :-1]
    diagonal += _RIDGE * diagonal.mean(dim=1, keepdim=True)
    return torch.linalg.solve(of_x, with_y)


def lost_points(engine: Engine, cities: Path, views_per_city: int) -> float:
    """Return what R@1 loses by sharing, in points: by descriptor or re-ranked, the larger."""
    specs = [
        spec for part in ("test", "validation") for spec in simcity.simcity_specs(engine.card, part)
    ]
    packs = [pack for spec in specs if (pack := open_pack(spec, cities)) is not None]
    if not packs:
        raise SystemExit(f"{cities}: holds none of the test cities of simcity-v1")
    hits = recall(packs, engine, ways_of({"alone": engine}), views_per_city)
    change = 100 * (hits["alone, shared trunk"] - hits["alone"])
    error = change.std(axis=1) / change.shape[1] ** 0.5
    for name, mean, spread in zip(
        ("R@1", "R@10", "R@1 re-ranked"), change.mean(axis=1), error, strict=True
    ):
        print(f"{name:14s} {mean:+.2f} +- {spread:.2f} points, {change.shape[1]} views")
    return float(-change.mean(axis=1)[[0, 2]].min())


class _Picture:
    """An orthophoto as ``CityGrid`` needs it."""

    gsd_m_per_px = 1.0

    def __init__(self, aerial: np.ndarray) -> None:
        self.aerial = aerial


def main() -> None:
    """Fit, write, measure and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cities", type=Path)
    parser.add_argument("--pattern", default="city-[0-9]-*,city-[0-9][0-9]-*", help="training ones")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name, or a file of weights")
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    parser.add_argument("--views", type=int, default=400, help="per city, to measure with")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    weights = bundled_path(options.model) or Path(options.model)
    model, card = load_model(weights)
    aerials = sorted(
        folder / "aerial.npy"
        for pattern in options.pattern.split(",")
        for folder in options.cities.glob(pattern)
    )
    correction = fit(Engine(model, card, "cpu", options.precision), aerials)
    save_correction(correction, weights, card.weights_sha256 or "")
    print(f"fitted after {time.process_time() - start:.0f} s of processor time", flush=True)
    engine = load_engine(weights, "cpu", options.precision)
    lost = lost_points(engine, options.cities, options.views)
    path = save_correction(
        replace(correction, lost_points=lost), weights, card.weights_sha256 or ""
    )
    print(f"{path}: {time.process_time() - start:.0f} s of processor time")


if __name__ == "__main__":
    main()
