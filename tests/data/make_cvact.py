"""A tiny fake CVACT: ``python -m tests.data.make_cvact DIR``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.data.make_images import draw_panorama, draw_tile, save

TRAIN, VAL, TEST = range(6), range(6, 10), range(10, 15)
UTM_M = np.array([693_000.0, 6_093_000.0])
"""Canberra: easting and northing in zone 55 south."""


def make_cvact(root: Path, tile_px: int = 1200, panorama_px: int = 1664) -> dict[str, np.ndarray]:
    """Write the copy and return the azimuths of the posts, in degrees, by pair."""
    ids = [
        f"pano{number:02d}-AbC_{number:010d}" for number in range(len(TRAIN) + len(VAL) + len(TEST))
    ]
    truth = {}
    for number, name in enumerate(ids):
        rng = np.random.default_rng(number)
        azimuths_deg = (np.arange(4) * 90.0 + rng.uniform(0, 60, 4)) % 360.0 - 180.0
        distance = rng.uniform(0.1, 0.4, 4)
        turn = np.radians(azimuths_deg)
        posts_uv = 0.5 + np.stack([np.sin(turn), -np.cos(turn)], axis=1) * distance[:, None]
        truth[name] = azimuths_deg
        folder = root / ("ANU_data_test" if number in TEST else "ANU_data_small")
        tile = folder / "satview_polish" / f"{name}_satView_polish.jpg"
        save(tile, draw_tile(posts_uv, tile_px))
        panorama = draw_panorama(azimuths_deg, panorama_px, (90.0, -90.0))
        save(folder / "streetview" / f"{name}_grdView.jpg", panorama)
    steps = np.arange(len(ids))
    utm_m = UTM_M + np.stack([steps * 40.0, steps * -25.0], axis=1)
    write_table(root / "ACT_data.mat", ids, utm_m)
    return truth


def write_table(path: Path, ids: list[str], utm_m: np.ndarray, **changes: object) -> None:
    """Write ``ACT_data.mat``: words as characters, parts as structures with 1-based columns."""

    def part(name: str, indices: range) -> dict[str, np.ndarray]:
        column = np.array(indices, np.float64)[:, None] + 1
        return {f"{name}Grd": np.zeros((1, 1)), f"{name}Ind": column}

    content: dict[str, object] = {
        "panoIds": np.array(ids),
        "utm": utm_m,
        "trainSet": part("train", TRAIN),
        "valSet": part("val", VAL),
    }
    savemat(path, content | changes)


if __name__ == "__main__":
    make_cvact(Path(sys.argv[1]))
