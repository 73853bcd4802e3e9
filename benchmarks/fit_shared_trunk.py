"""Fit what makes up for borders where overlapping tiles share the network's trunk.

Run: ``OMP_NUM_THREADS=1 python benchmarks/fit_shared_trunk.py CITIES``: CITIES holds the rendered
training cities, as ``cvgl train`` keeps them. For each position of a tile, the linear map with the
least squared error from the features cut out of a block's mosaic to the features of the tile alone;
it is written beside the weights. ``bench_network.py --recall`` says what is lost with it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from bench_network import block_mosaic, blocks
from torch import Tensor

from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.models import DEFAULT_MODEL, Engine, bundled_path, load_engine
from cvgl_core.models.mosaic import STEP_PX, Correction, cut_windows, save_correction

_RIDGE = 1e-4
_BATCH = 32


class Moments:
    """Second moments of features, per position, summed over tiles."""

    def __init__(self, channels: int, positions: int) -> None:
        self._of_x = torch.zeros(positions, channels + 1, channels + 1, dtype=torch.double)
        self._with_y = torch.zeros(positions, channels + 1, channels, dtype=torch.double)

    def add(self, windows: Tensor, alone: Tensor) -> None:
        """Take in windows and features of the same tiles alone, ``[K, C, s, s]``."""
        x, y = (part.permute(2, 3, 0, 1).flatten(0, 1).double() for part in (windows, alone))
        x = torch.cat([x, torch.ones_like(x[..., :1])], dim=2)
        self._of_x += x.mT @ x
        self._with_y += x.mT @ y

    def solved(self) -> Correction:
        """Return the linear maps, drawn a little towards leaving features as they are."""
        channels = self._with_y.shape[2]
        ridge = torch.zeros_like(self._with_y)
        diagonal = self._of_x.diagonal(dim1=1, dim2=2)[:, :channels]
        ridge[:, range(channels), range(channels)] = _RIDGE * diagonal.mean(dim=1, keepdim=True)
        left = self._of_x.clone()
        left[:, :, :channels] += ridge
        found = torch.linalg.solve(left, self._with_y + ridge).float()
        return Correction(found[:, :channels], found[:, channels:])


@torch.inference_mode()
def fit(engine: Engine, aerials: Sequence[Path]) -> Correction:
    """Fit on every tile of some cities' orthophotos."""
    side = engine.card.aerial_px
    trunk, dtype = engine._encoder.aerial.trunk, getattr(torch, engine.precision)
    moments: Moments | None = None
    for aerial in aerials:
        start = time.monotonic()
        grid = CityGrid.of(_Picture(np.load(aerial, mmap_mode="r")), side)  # type: ignore[arg-type]
        for tiles in blocks(grid):
            mosaic, corners = block_mosaic(grid, tiles)
            windows = cut_windows(engine._mosaic_features(mosaic), corners, side)
            rgb = grid.cut(tiles)
            parts = [rgb[i : i + _BATCH] for i in range(0, len(rgb), _BATCH)]
            alone = torch.cat([trunk(engine._normalised(part).to(dtype))[2] for part in parts])
            moments = moments or Moments(windows.shape[1], (side // STEP_PX) ** 2)
            moments.add(windows, alone)
        print(f"{aerial.parent.name}: {time.monotonic() - start:.0f} s", flush=True)
    if moments is None:
        raise SystemExit("no city to fit on")
    return moments.solved()


class _Picture:
    """An orthophoto as ``CityGrid`` needs it."""

    gsd_m_per_px = 1.0

    def __init__(self, aerial: np.ndarray) -> None:
        self.aerial = aerial


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cities", type=Path)
    parser.add_argument("--pattern", default="city-[0-9]-*,city-[0-9][0-9]-*", help="training ones")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name, or a file of weights")
    parser.add_argument("--precision", default="bfloat16", choices=["float32", "bfloat16"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    engine = load_engine(options.model, "cpu", options.precision)
    aerials = sorted(
        folder / "aerial.npy"
        for pattern in options.pattern.split(",")
        for folder in options.cities.glob(pattern)
    )
    weights = bundled_path(options.model) or Path(options.model)
    print(save_correction(fit(engine, aerials), weights, engine.card.weights_sha256 or ""))


if __name__ == "__main__":
    main()
