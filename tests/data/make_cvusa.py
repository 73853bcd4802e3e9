"""A tiny fake CVUSA: ``python -m tests.data.make_cvusa DIR``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.data.make_images import draw_panorama, draw_tile, save

TRAIN, VAL = (2, 3, 5, 7, 8), (1, 4, 6)
ELEVATION_DEG = (38.571428571428569, -26.883116883116884)


def make_cvusa(root: Path, tile_px: int = 750, panorama_px: int = 1232) -> dict[int, np.ndarray]:
    """Write the copy and return the azimuths of the posts, in degrees, by pair."""
    truth = {}
    locations = []
    for number in sorted(TRAIN + VAL):
        rng = np.random.default_rng(number)
        azimuths_deg = (np.arange(4) * 90.0 + rng.uniform(0, 60, 4)) % 360.0 - 180.0
        distance = rng.uniform(0.1, 0.4, 4)
        turn = np.radians(azimuths_deg)
        posts_uv = 0.5 + np.stack([np.sin(turn), -np.cos(turn)], axis=1) * distance[:, None]
        truth[number] = azimuths_deg
        save(root / f"bingmap/19/{number:07d}.jpg", draw_tile(posts_uv, tile_px))
        panorama = draw_panorama(azimuths_deg, panorama_px, ELEVATION_DEG)
        save(root / f"streetview/panos/{number:07d}.jpg", panorama)
        lat, lon = 35.0 + number * 0.01, -100.0 - number * 0.02
        locations.append(f"{lat},{lon},{lat},{lon},x\n")
    (root / "splits").mkdir()
    for name, part in {"train": TRAIN, "val": VAL}.items():
        rows = (
            f"bingmap/19/{k:07d}.jpg,streetview/panos/{k:07d}.jpg,"
            f"streetview/annotations/{k:07d}.png\n"
            for k in part
        )
        (root / "splits" / f"{name}-19zl.csv").write_text("".join(rows))
    (root / "split_locations").mkdir()
    (root / "split_locations" / "all.csv").write_text("".join(locations))
    return truth


if __name__ == "__main__":
    make_cvusa(Path(sys.argv[1]))
