"""A tiny fake DA-Campus: ``python -m tests.data.make_da_campus DIR``.

Two campuses 30 km apart; on each, places 150 m apart in a row. A place is a colour, which its
tile shows with a grey border and its drone pictures with some noise.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

DRONES = 60
ON_CAMPUS = {"train": (4, 2), "test": (2, 1)}
TRAIN_PLACES, TEST_PLACES = (sum(ON_CAMPUS[part]) for part in ("train", "test"))
METRES_PER_DEGREE = 111_200.0
CAMPUSES_DEG = ((32.11, 118.93), (32.38, 118.93))
APART_M = 150.0


def make_da_campus(root: Path, side_px: int = 32) -> None:
    """Write the copy: class ids of the test part go on where those of the training part end."""
    for part, first in (("train", 1), ("test", 1 + TRAIN_PLACES)):
        tiles = ["path class_id latitude longitude"]
        drones = ["path class_id" + (" latitude longitude" if part == "test" else "")]
        places = [(c, k) for c, count in enumerate(ON_CAMPUS[part]) for k in range(count)]
        for class_id, (campus, along) in enumerate(places, start=first):
            lat, lon = CAMPUSES_DEG[campus]
            lat += along * APART_M / METRES_PER_DEGREE
            place = f" {class_id} {lat:.7f} {lon:.7f}"
            colour = np.random.default_rng(class_id).integers(0, 256, 3)
            tile = np.full((side_px, side_px, 3), 128, np.uint8)
            tile[4:-4, 4:-4] = colour
            path = f"{part}/{class_id:04d}/tile.jpg"
            _save(root / "satellite" / path, tile)
            tiles.append(path + place)
            for k in range(DRONES):
                path = f"{part}/{class_id:04d}/image-{k:02d}.jpg"
                noise = np.random.default_rng([class_id, k]).normal(0, 20, tile.shape)
                picture = np.clip(colour + noise, 0, 255).astype(np.uint8)
                _save(root / "drone" / path, picture[: 3 * side_px // 4])
                drones.append(path + (place if part == "test" else f" {class_id}"))
        for platform, lines in (("satellite", tiles), ("drone", drones)):
            (root / platform / f"{part}.txt").write_text("\n".join(lines) + "\n")


def _save(path: Path, rgb: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rgb[..., ::-1])


if __name__ == "__main__":
    make_da_campus(Path(sys.argv[1]))
