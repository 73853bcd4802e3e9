"""CVUSA (the 44,416 pairs of Zhai et al., CVPR 2017): panoramas over Bing tiles of zoom 19.

``splits/train-19zl.csv`` and ``splits/val-19zl.csv`` list tile, panorama and annotation;
``split_locations/all.csv``, where present, states the coordinates of pair ``id`` in line ``id``.
Panoramas have 1232 x 224 px: the full circle, of the height only the middle. How much lies above
the horizon is not stated. ``ELEVATION_DEG`` follows HC-Net (Wang et al., NeurIPS 2023), which
completes them to 1232 x 616 px with 176 rows above and gets undistorted streets; an assumption.
"""

from __future__ import annotations

import csv
import logging
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from cvgl_core.data.listing import Files, read_lines, require_rows, skip
from cvgl_core.data.pairset import PairSet
from cvgl_core.data.webmercator import metres_per_px
from cvgl_core.errors import DatasetError
from cvgl_core.types import Failure, FloatArray

logger = logging.getLogger(__name__)

ZOOM = 19
TILE_PX = 750
ELEVATION_DEG = (90.0 - 180.0 * 176 / 616, 90.0 - 180.0 * (176 + 224) / 616)
"""Top and bottom edge of the panoramas: 38.6 degrees above, 26.9 below the horizon."""

LOCATIONS = Path("split_locations") / "all.csv"


@dataclass(frozen=True)
class _Row:
    """A line of a split; paths are relative to the root."""

    listed: str
    number: int
    tile: str
    panorama: str


def load_cvusa(root: Path, split: Literal["train", "val", "test"]) -> PairSet:
    """Read a split of CVUSA; pairs of which an image is missing are skipped and reported.

    Args:
        root: the folder with ``splits``, ``bingmap`` and ``streetview``.
        split: "test" is "val": the data set has no third part.

    Raises:
        DatasetError: a list is missing or malformed, or none of its images exist.
    """
    root = Path(root)
    part = "train" if split == "train" else "val"
    path = root / "splits" / f"{part}-19zl.csv"
    rows, skipped = _read_rows(path, Files(root))
    require_rows(rows, skipped, path)
    places = _read_places(root / LOCATIONS, rows)
    count = len(rows)
    return PairSet(
        name=f"CVUSA {part}",
        labels="centre",
        tile_paths=tuple(root / row.tile for row in rows),
        tile_lonlat_deg=places[:, :2],
        tile_side_m=TILE_PX * metres_per_px(places[:, 1], ZOOM),
        view_paths=tuple(root / row.panorama for row in rows),
        view_lonlat_deg=places[:, 2:],
        positive=np.arange(count),
        semi_positive=np.full((count, 3), -1, np.int64),
        camera_uv=np.full((count, 2), 0.5),
        ground_elevation_deg=ELEVATION_DEG,
        skipped=tuple(skipped),
        tile_listed=tuple(row.listed for row in rows),
        view_listed=tuple(row.listed for row in rows),
    )


def _read_rows(path: Path, files: Files) -> tuple[list[_Row], list[Failure]]:
    """Return the rows whose images exist, and what is left out.

    Raises:
        DatasetError: the list is missing or malformed.
    """
    rows: list[_Row] = []
    skipped: list[Failure] = []
    seen: set[str] = set()
    for listed, line in read_lines(path):
        row = _row(listed, line)
        missing = [name for name in (row.tile, row.panorama) if not files.has(name)]
        if row.tile in seen:
            skipped.append(skip(listed, f"{row.tile} is listed twice"))
        elif missing:
            skipped.append(skip(listed, f"{missing[0]} is not in the data set's folder"))
        else:
            rows.append(row)
        seen.add(row.tile)
    return rows, skipped


def _row(listed: str, line: str) -> _Row:
    """Return a line of a split.

    Raises:
        DatasetError: it does not name a numbered tile and a panorama.
    """
    words = next(csv.reader([line]), [])
    number = PurePosixPath(words[0]).stem if words else ""
    if len(words) < 2 or not number.isdecimal() or not words[1]:
        raise DatasetError(
            f"{listed}: not a tile with a number and a panorama, as in"
            " 'bingmap/19/0000001.jpg,streetview/panos/0000001.jpg'; download the splits again"
        )
    return _Row(listed, int(number), words[0].strip(), words[1].strip())


def _read_places(path: Path, rows: list[_Row]) -> FloatArray:
    """Return tile and panorama as longitude, latitude each ``[n, 4]``; NaN without the file.

    Raises:
        DatasetError: the file is malformed, or ends before a pair's line.
    """
    if not path.exists():
        logger.warning("%s: no such file: pairs have no coordinates, tiles no metres", path)
        return np.full((len(rows), 4), np.nan)
    lines = read_lines(path)
    places = np.empty((len(rows), 4))
    for index, row in enumerate(rows):
        if not 1 <= row.number <= len(lines):
            raise DatasetError(
                f"{row.listed}: pair {row.number} has no line in {path} ({len(lines)} lines)"
            )
        places[index] = _lonlat_pair(*lines[row.number - 1])
    return places


def _lonlat_pair(listed: str, line: str) -> tuple[float, float, float, float]:
    """Return longitude and latitude of tile and panorama from a line of latitudes first.

    Raises:
        DatasetError: these are not four degrees.
    """
    try:
        lat, lon, camera_lat, camera_lon = (float(word) for word in line.split(",")[:4])
    except ValueError as error:
        raise DatasetError(f"{listed}: not four coordinates in degrees ({error})") from error
    if not (max(abs(lat), abs(camera_lat)) <= 85.0 and max(abs(lon), abs(camera_lon)) <= 180.0):
        raise DatasetError(f"{listed}: {line!r} is not latitude, longitude, latitude, longitude")
    return lon, lat, camera_lon, camera_lat
