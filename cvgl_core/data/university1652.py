"""University-1652 (Zheng et al., ACM MM 2020): buildings seen from the street, drones and space.

``train/{satellite,drone,street,google}/ID/*`` and ``test/{query,gallery}_{satellite,drone,street}/
ID/*``: a folder a building, named by its number. Any layout of the same kind is read, such as the
simulated one of ``cvgl simulate university``. Nothing is taken from counts: some buildings have no
street or web image, and a query without any match in the gallery stays a query (see
``evaluation.places``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.data.listing import require_rows, skip
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.types import Failure, IntArray

VIEWS = ("street", "drone", "satellite", "google")
PARTS = ("train", "test")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"})
_INNER = ("", "University-Release", "University-1652")


@dataclass(frozen=True)
class PlaceImages:
    """Images of one kind of view, ordered by place and name.

    Attributes:
        view: one of ``VIEWS``.
        folder: that holds a folder for each place.
        paths: of the images ``[N]``.
        place: number of each image's place, as its folder is named ``[N]``.
        skipped: folders and files that are left out.
    """

    view: str
    folder: Path
    paths: tuple[Path, ...]
    place: IntArray
    skipped: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class PlaceTask:
    """Find the images of a query's place.

    Attributes:
        name: "University-1652 street-satellite test".
        query, gallery: images to ask with and to search in.
    """

    name: str
    query: PlaceImages
    gallery: PlaceImages


def load_task(root: Path, direction: str = "street-satellite", part: str = "test") -> PlaceTask:
    """Read one direction of the data set.

    Args:
        root: the folder with ``train`` and ``test``, or the one above it.
        direction: two of ``VIEWS``, such as "drone-satellite": query and gallery.
        part: "test" takes ``query_*`` and ``gallery_*``; "train" asks with all images of a view.

    Raises:
        SettingsError: no such direction or part.
        DatasetError: a folder is missing, holds no image, or no query has a match.
    """
    query, _, gallery = direction.partition("-")
    if query not in VIEWS or gallery not in VIEWS or query == gallery:
        known = ", ".join(VIEWS)
        raise SettingsError(f"no direction {direction!r}; join two of {known}: street-satellite")
    if part not in PARTS:
        raise SettingsError(f"University-1652 has no {part!r} part; known: {', '.join(PARTS)}")
    prefixes = ("query_", "gallery_") if part == "test" else ("", "")
    folder = part_folder(root, part)
    asked, searched = (
        load_view(folder / f"{prefix}{view}", view)
        for prefix, view in zip(prefixes, (query, gallery), strict=True)
    )
    if not np.isin(asked.place, searched.place).any():
        raise DatasetError(
            f"{asked.folder}: no place of these is in {searched.folder}; the two do not belong "
            "together"
        )
    return PlaceTask(f"University-1652 {direction} {part}", asked, searched)


def part_folder(root: Path, part: str) -> Path:
    """Return the folder of a part.

    Raises:
        DatasetError: there is none.
    """
    for inner in _INNER:
        if (root / inner / part).is_dir():
            return root / inner / part
    raise DatasetError(f"{root / part}: no such folder; check the data set's layout ({_DOCS})")


def load_view(folder: Path, view: str) -> PlaceImages:
    """Read the images of one view; folders without a number and other files are skipped.

    Raises:
        DatasetError: the folder is missing or holds no image, or two folders have one number.
    """
    paths: list[Path] = []
    place: list[int] = []
    skipped: list[Failure] = []
    seen: dict[int, Path] = {}
    for inner in _entries(folder, view):
        if not (inner.is_dir() and inner.name.isascii() and inner.name.isdecimal()):
            skipped.append(skip(str(inner), "not a folder named by a place's number"))
            continue
        number = int(inner.name)
        if number in seen:
            raise DatasetError(f"{inner}: the same place as {seen[number]}; rename or remove one")
        seen[number] = inner
        files = _entries(inner, view)
        images = [path for path in files if path.suffix.lower() in SUFFIXES]
        skipped += [skip(str(path), "not an image") for path in files if path not in set(images)]
        if not images:
            skipped.append(skip(str(inner), "holds no image"))
        paths += images
        place += [number] * len(images)
    require_rows(paths, skipped, folder)
    return PlaceImages(view, folder, tuple(paths), np.array(place), tuple(skipped))


_DOCS = "docs/distance-aware-and-drone.md"


def _entries(folder: Path, view: str) -> list[Path]:
    """Return what lies in a folder, sorted by name.

    Raises:
        DatasetError: it cannot be listed.
    """
    try:
        return sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        why = "; web images are part of train only" if view == "google" else ""
        raise DatasetError(
            f"{folder}: no such folder{why}; check the data set's layout ({_DOCS})"
        ) from error
