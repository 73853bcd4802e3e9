"""VIGOR: panoramas of four cities of the USA over Google tiles of zoom 20.

On disk it comes in three layouts. "original": ``CITY/panorama``, ``CITY/satellite`` and
``splits/CITY`` (Zhu et al., CVPR 2021), with the corrected labels of SliceMatch in
``splits__corrected``. "ccvpe": the same images, corrected labels in ``splits_new``. "sample4geo":
``ground/CITY``, ``satellite/CITY`` and ``splits/CITY``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zlib import crc32

import numpy as np

from cvgl_core.data.listing import names_in, read_lines, require_rows, skip
from cvgl_core.data.pairset import PairSet
from cvgl_core.data.vigor_labels import (
    TILE_NAME,
    TILE_PX,
    ZOOM,
    VigorRow,
    VigorTiles,
    deltas_px,
    fitting_rows,
    place_of,
    read_rows,
)
from cvgl_core.data.webmercator import metres_per_px
from cvgl_core.errors import DatasetError

logger = logging.getLogger(__name__)

Protocol = Literal["same", "cross"]

CITIES = ("Chicago", "NewYork", "SanFrancisco", "Seattle")
CROSS_TRAIN, CROSS_TEST = ("NewYork", "Seattle"), ("Chicago", "SanFrancisco")


@dataclass(frozen=True)
class VigorLayout:
    """Where a copy of VIGOR keeps its images."""

    name: Literal["original", "ccvpe", "sample4geo"]
    root: Path

    def panoramas(self, city: str) -> Path:
        """Return the folder of a city's panoramas."""
        if self.name == "sample4geo":
            return self.root / "ground" / city
        return self.root / city / "panorama"

    def tiles(self, city: str) -> Path:
        """Return the folder of a city's tiles."""
        if self.name == "sample4geo":
            return self.root / "satellite" / city
        return self.root / city / "satellite"


@dataclass(frozen=True)
class VigorLists:
    """Which label files to read."""

    folder: Path
    suffix: str
    labels: str

    def file(self, city: str, name: str) -> Path:
        """Return a city's label file, such as "same_area_balanced_train"."""
        return self.folder / city / f"{name}{self.suffix}.txt"

    def tile_list(self, city: str) -> Path:
        """Return a city's list of tiles; corrected labels may leave it to the originals."""
        own = self.folder / city / "satellite_list.txt"
        return own if own.is_file() else self.folder.parent / "splits" / city / own.name


def load_vigor(
    root: Path,
    protocol: Protocol,
    split: Literal["train", "val", "test"],
    labels: Literal["corrected", "original"] = "corrected",
) -> PairSet:
    """Read VIGOR's lists and check them against one another and the files on disk.

    The gallery is all tiles of the cities of the split. "train" and "val" are a fixed four
    fifths and one fifth of the training list. Metres per pixel come from each tile's latitude.

    Args:
        root: the folder with the images and ``splits``, or the one above it.
        protocol: "same": train and test in all four cities; "cross": in different ones.
        split: part to load.
        labels: "corrected" (SliceMatch), or "original", only to reproduce old tables.

    Raises:
        DatasetError: files are missing, or their contents contradict one another.
    """
    layout = find_layout(Path(root))
    lists = find_lists(layout, labels)
    cities, name = _part(protocol, split)
    tiles = _read_tiles(layout, lists, cities)
    rows: list[VigorRow] = []
    skipped = list(tiles.skipped)
    for city in cities:
        path = lists.file(city, name)
        found, left_out = read_rows(path, layout.panoramas(city), city, tiles)
        fitting, misfits = fitting_rows(path, found, tiles, lists.labels)
        require_rows(fitting, [*left_out, *misfits], path)
        rows += fitting
        skipped += left_out + misfits
    rows = _share(rows, split)
    require_rows(rows, skipped, lists.folder)
    logger.info(
        "VIGOR: layout %s, %s labels from %s, %d tiles, %d panoramas, %d rows left out",
        *(layout.name, lists.labels, lists.folder, len(tiles.paths), len(rows), len(skipped)),
    )
    indices = np.array([row.tiles for row in rows], np.int64).reshape(-1, 4)
    south_px, west_px = deltas_px(rows).T
    return PairSet(
        name=f"VIGOR {protocol}-area {split}",
        labels=lists.labels,
        tile_paths=tuple(tiles.paths),
        tile_lonlat_deg=tiles.lonlat_deg,
        tile_side_m=TILE_PX * metres_per_px(tiles.lonlat_deg[:, 1], ZOOM),
        view_paths=tuple(row.path for row in rows),
        view_lonlat_deg=np.array([row.lonlat_deg for row in rows]).reshape(-1, 2),
        positive=indices[:, 0],
        semi_positive=indices[:, 1:],
        camera_uv=0.5 + np.stack([-west_px, south_px], axis=1) / TILE_PX,
        ground_elevation_deg=(90.0, -90.0),
        skipped=tuple(skipped),
        tile_listed=tuple(tiles.listed),
        view_listed=tuple(row.listed for row in rows),
    )


def find_layout(root: Path) -> VigorLayout:
    """Tell which layout a copy of VIGOR has.

    Raises:
        DatasetError: none of the three.
    """
    for folder in (root, root / "VIGOR"):
        if (folder / "ground").is_dir() and (folder / "satellite").is_dir():
            return VigorLayout("sample4geo", folder)
        if any((folder / city / "panorama").is_dir() for city in CITIES):
            return VigorLayout("ccvpe" if (folder / "splits_new").is_dir() else "original", folder)
    raise DatasetError(
        f"{root}: not a copy of VIGOR: it has neither CITY/panorama nor ground/CITY for any of"
        f" {', '.join(CITIES)}; name the folder that holds them"
    )


def find_lists(layout: VigorLayout, labels: Literal["corrected", "original"]) -> VigorLists:
    """Return the label files of a kind.

    Raises:
        DatasetError: the copy does not have them.
    """
    corrected = [
        ("splits__corrected", "__corrected"),
        ("splits_new", ""),
        ("splits", "__corrected"),
    ]
    if layout.name == "sample4geo":
        corrected.append(
            ("splits", "")
        )  # copies differ; the coordinates decide, see ``fitting_rows``
    places = corrected if labels == "corrected" else [("splits", "")]
    for folder, suffix in places:
        lists = VigorLists(layout.root / folder, suffix, labels)
        if any(lists.file(city, "pano_label_balanced").is_file() for city in CITIES):
            return lists
    tried = " or ".join(f"{folder}/CITY/pano_label_balanced{end}.txt" for folder, end in places)
    hint = "; for the original labels ask for them" if labels == "corrected" else ""
    raise DatasetError(f"{layout.root}: no {labels} labels: there is no {tried}{hint}")


def _part(protocol: Protocol, split: str) -> tuple[Sequence[str], str]:
    """Return the cities of a split and the name of its label file."""
    if protocol == "same":
        return CITIES, f"same_area_balanced_{'test' if split == 'test' else 'train'}"
    return CROSS_TEST if split == "test" else CROSS_TRAIN, "pano_label_balanced"


def _share(rows: list[VigorRow], split: str) -> list[VigorRow]:
    """Return the training or validation rows of a training list.

    By the checksum of the panorama's name: the same whatever files are missing.
    """
    if split == "test":
        return rows
    return [row for row in rows if (crc32(row.path.name.encode()) % 5 == 0) == (split == "val")]


def _read_tiles(layout: VigorLayout, lists: VigorLists, cities: Sequence[str]) -> VigorTiles:
    """Read the lists of tiles; every listed tile must be on disk.

    Raises:
        DatasetError: a list is missing or malformed, or a tile is absent.
    """
    tiles = VigorTiles({}, [], [], np.empty((0, 2)), [])
    places: list[tuple[float, float]] = []
    for city in cities:
        folder = layout.tiles(city)
        lines = read_lines(lists.tile_list(city))
        on_disk = names_in(folder)
        absent = [(listed, name) for listed, name in lines if name not in on_disk]
        if absent:
            listed, name = absent[0]
            raise DatasetError(
                f"{listed}: {name} is not in {folder} ({len(absent)} of {len(lines)} listed tiles"
                " are not); a gallery must be whole: unpack the city again"
            )
        for listed, name in lines:
            if (city, name) in tiles.index:
                tiles.skipped.append(skip(listed, f"{name} is listed twice"))
                continue
            places.append(place_of(TILE_NAME, name, listed))
            tiles.index[city, name] = len(tiles.paths)
            tiles.paths.append(folder / name)
            tiles.listed.append(listed)
    return VigorTiles(tiles.index, tiles.paths, tiles.listed, np.array(places), tiles.skipped)
