"""DA-Campus (DyCL, arXiv 2506.23077): drone pictures of places, and a satellite tile of each.

``satellite/{train,test}.txt`` lists one tile a place, ``drone/{train,test}.txt`` exactly 60
pictures of each in the same order: row k of the drone list belongs to row ``k // 60`` of the other.
Fields are separated by spaces, with a header; class ids count from 1, and paths are relative to
the platform's folder. The authors' code relies on the order unchecked; here it is checked.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from cvgl_core.data.listing import Files, read_lines, require_rows, skip
from cvgl_core.data.pairset import PairSet
from cvgl_core.data.relevance import DA_CAMPUS_LEVELS_M, relevance_matrix
from cvgl_core.errors import DatasetError
from cvgl_core.types import Failure

DRONES_PER_PLACE = 60

_PLACES = ("latitude", "longitude")


@dataclass(frozen=True)
class _Row:
    """A line of a list; the path is relative to the root. A drone's may lack coordinates (NaN)."""

    listed: str
    path: str
    class_id: int
    lon: float
    lat: float


def load_da_campus(root: Path, split: Literal["train", "val", "test"]) -> PairSet:
    """Read a part of DA-Campus; rows whose image is missing are skipped and reported.

    The pictures are no panoramas, tiles have no known side, and a camera has the coordinates of its
    place.

    Args:
        root: the folder with ``satellite`` and ``drone``.
        split: "val" is "test": the data set has no third part.

    Raises:
        DatasetError: a list is missing or malformed, or the two contradict one another.
    """
    root = Path(root)
    part = "train" if split == "train" else "test"
    tiles = _read(root, "satellite", part, _PLACES)
    drones = _read(root, "drone", part, ())
    _check_order(root, part, tiles, drones)
    kept_tiles, kept_drones, place, skipped = _on_disk(tiles, drones, Files(root))
    require_rows(kept_drones, skipped, root / "drone" / f"{part}.txt")
    lonlat_deg = np.array([(row.lon, row.lat) for row in kept_tiles])
    count = len(kept_drones)
    return PairSet(
        name=f"DA-Campus {part}",
        labels="place",
        tile_paths=tuple(root / row.path for row in kept_tiles),
        tile_lonlat_deg=lonlat_deg,
        tile_side_m=np.full(len(kept_tiles), np.nan),
        view_paths=tuple(root / row.path for row in kept_drones),
        view_lonlat_deg=lonlat_deg[place],
        positive=np.array(place, np.int64),
        semi_positive=np.full((count, 3), -1, np.int64),
        camera_uv=np.full((count, 2), 0.5),
        ground_elevation_deg=None,
        skipped=tuple(skipped),
        tile_listed=tuple(row.listed for row in kept_tiles),
        view_listed=tuple(row.listed for row in kept_drones),
    )


def _read(root: Path, platform: str, part: str, needed: tuple[str, ...]) -> list[_Row]:
    """Read a list.

    Raises:
        DatasetError: it is missing or malformed; names file and line.
    """
    path = root / platform / f"{part}.txt"
    (listed, first), *lines = read_lines(path)
    header = _fields(first)
    missing = [name for name in ("path", "class_id", *needed) if name not in header]
    if missing:
        raise DatasetError(
            f"{listed}: the header {first!r} has no {missing[0]}; it should begin with"
            " 'path class_id latitude longitude', separated by spaces"
        )
    return [_row(listed, platform, header, _fields(line)) for listed, line in lines]


def _fields(line: str) -> list[str]:
    return next(csv.reader([line], delimiter=" "), [])


def _row(listed: str, platform: str, header: list[str], fields: list[str]) -> _Row:
    """Return a line.

    Raises:
        DatasetError: it has other fields than the header, or values that cannot be.
    """
    if len(fields) != len(header):
        raise DatasetError(f"{listed}: {len(fields)} fields, but the header has {len(header)}")
    named = dict(zip(header, fields, strict=True))
    class_id = named["class_id"]
    if not class_id.isdecimal() or int(class_id) < 1:
        raise DatasetError(f"{listed}: class_id {class_id!r} is not a number from 1")
    lon = lat = float("nan")
    if set(_PLACES) <= set(named):
        try:
            lat, lon = (float(named[name]) for name in _PLACES)
        except ValueError as error:
            raise DatasetError(f"{listed}: not coordinates in degrees ({error})") from error
        if not (abs(lat) <= 90.0 and abs(lon) <= 180.0):
            raise DatasetError(f"{listed}: {lat}, {lon} is not a latitude and a longitude")
    return _Row(listed, f"{platform}/{named['path']}", int(class_id), lon, lat)


def _check_order(root: Path, part: str, tiles: list[_Row], drones: list[_Row]) -> None:
    """Check that drone row k is of the place in satellite row ``k // 60``.

    Raises:
        DatasetError: it is not; names both lines.
    """
    if len(drones) != DRONES_PER_PLACE * len(tiles):
        raise DatasetError(
            f"{root / 'drone' / f'{part}.txt'}: {len(drones)} pictures for {len(tiles)} places of"
            f" {root / 'satellite' / f'{part}.txt'}, but there are {DRONES_PER_PLACE} of each;"
            " download the data set again"
        )
    seen: dict[int, str] = {}
    for tile in tiles:
        if tile.class_id in seen:
            raise DatasetError(
                f"{tile.listed}: class_id {tile.class_id} is also that of {seen[tile.class_id]}"
            )
        seen[tile.class_id] = tile.listed
    for number, drone in enumerate(drones):
        tile = tiles[number // DRONES_PER_PLACE]
        if drone.class_id != tile.class_id:
            raise DatasetError(
                f"{drone.listed}: class_id {drone.class_id}, but by its place in the list it"
                f" belongs to {tile.listed} with {tile.class_id}"
            )
    _check_places(tiles, drones)


def _check_places(tiles: list[_Row], drones: list[_Row]) -> None:
    """Check that drones, where they have coordinates, have those of their place.

    Raises:
        DatasetError: one lies elsewhere.
    """
    far = []
    for tile, start in zip(tiles, range(0, len(drones), DRONES_PER_PLACE), strict=True):
        own = [d for d in drones[start : start + DRONES_PER_PLACE] if not np.isnan(d.lon)]
        here = np.array([[tile.lon, tile.lat]])
        there = np.array([(d.lon, d.lat) for d in own]).reshape(-1, 2)
        same = relevance_matrix(here, there, DA_CAMPUS_LEVELS_M[:1])[0]
        far += [(drone, tile) for drone, near in zip(own, same, strict=True) if not near]
    if far:
        drone, tile = far[0]
        raise DatasetError(
            f"{drone.listed}: lies more than {DA_CAMPUS_LEVELS_M[0]:.0f} m from its place,"
            f" {tile.listed}"
        )


def _on_disk(
    tiles: list[_Row], drones: list[_Row], files: Files
) -> tuple[list[_Row], list[_Row], list[int], list[Failure]]:
    """Return the rows whose images exist, the tile's number of each drone, and what is left out."""
    kept_tiles: list[_Row] = []
    kept_drones: list[_Row] = []
    place: list[int] = []
    skipped: list[Failure] = []
    for number, tile in enumerate(tiles):
        if not files.has(tile.path):
            skipped.append(skip(tile.listed, f"{tile.path} is not in the data set's folder"))
            continue
        for drone in drones[number * DRONES_PER_PLACE : (number + 1) * DRONES_PER_PLACE]:
            if files.has(drone.path):
                kept_drones.append(drone)
                place.append(len(kept_tiles))
            else:
                skipped.append(skip(drone.listed, f"{drone.path} is not in the data set's folder"))
        kept_tiles.append(tile)
    return kept_tiles, kept_drones, place, skipped
