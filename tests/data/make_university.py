"""A tiny University-1652 and UAVM 2025: every place has colours that all of its images show.

``python -m tests.data.make_university DIR`` writes it, for trying a command.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from tests.data.make_images import save

TRAIN_PLACES = (1, 2, 4, 7, 8, 9)
QUERY_PLACES = (0, 3, 5)
"""The real set has a place 0000 too."""
DISTRACTORS = (6, 10)
PLACE_WITHOUT_STREET = 5
IMAGES = {"satellite": 1, "drone": 3, "street": 2, "google": 3}


def draw_place(place: int, view: str, number: int, side_px: int) -> np.ndarray:
    """Two colours of the place in a pattern of the view, with a little noise."""
    colours = np.random.default_rng(place).integers(30, 226, (2, 3))
    v, u = np.mgrid[:side_px, :side_px] / side_px
    disc = np.hypot(u - 0.5, v - 0.5) < 0.3
    upper = {"satellite": disc, "drone": disc | (v < 0.15)}.get(view, v < 0.6)
    rng = np.random.default_rng([place, len(view), number])
    image = np.where(upper[..., None], colours[0], colours[1]) + rng.normal(0, 6, (*u.shape, 1))
    return np.clip(image, 0, 255).astype(np.uint8)


def make_university(root: Path, side_px: int = 32) -> None:
    """Write both parts below ``root/University-Release``."""
    release = root / "University-Release"

    def write(folder: Path, places: tuple[int, ...], view: str) -> None:
        for place in places:
            count = IMAGES[view]
            for number in range(1, count + 1):
                name = f"{place:04d}.jpg" if view == "satellite" else f"image-{number:02d}.jpeg"
                picture = draw_place(place, view, number, side_px)
                save(folder / f"{place:04d}" / name, picture)

    for view in IMAGES:
        write(release / "train" / view, TRAIN_PLACES, view)
    (release / "train/google/0002/image-01.jpeg").with_name("page.html").write_text("no image")
    (release / "train/google/0012").mkdir()  # the real set has such empty folders
    with_street = tuple(set(QUERY_PLACES) - {PLACE_WITHOUT_STREET})
    for view in ("satellite", "drone", "street"):
        asked, searched = QUERY_PLACES, (*QUERY_PLACES, *DISTRACTORS)
        if view == "street":
            asked, searched = with_street, (*with_street, DISTRACTORS[0])
        write(release / f"test/query_{view}", asked, view)
        write(release / f"test/gallery_{view}", searched, view)


def make_challenge(root: Path, places: int = 12, side_px: int = 32) -> list[str]:
    """Write ``root/test`` and the list of queries; return each query's right answer in order."""
    rng = np.random.default_rng(5)
    letters = np.array(list("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ0123456789"))

    def masked() -> str:
        return "".join(rng.choice(letters, 16))

    right: list[str] = []
    names: list[str] = []
    for place in range(places):
        tile = masked()
        save(
            root / f"test/workshop_gallery_satellite/{tile}.jpg",
            draw_place(place, "satellite", 1, side_px),
        )
        for number in (1, 2):
            names.append(f"{masked()}.jpeg")
            right.append(tile)
            save(
                root / f"test/workshop_query_street/{names[-1]}",
                draw_place(place, "street", number, side_px),
            )
    order = rng.permutation(len(names))
    (root / "test/query_street_name.txt").write_text("".join(f"{names[k]}\n" for k in order))
    return [right[k] for k in order]


if __name__ == "__main__":
    make_university(Path(sys.argv[1]))
    make_challenge(Path(sys.argv[1]) / "UAVM2025")
