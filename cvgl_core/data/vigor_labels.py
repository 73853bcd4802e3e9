"""The label lines of VIGOR, checked against the coordinates in the file names.

A line has 13 words: the panorama, then four times a tile and the camera's place on it,
``d_row d_col`` in pixels of 640 from the tile's centre, to the south and to the **west**; the
first tile is the positive, the others are semi-positives.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from cvgl_core.data.listing import names_in, read_lines, skip
from cvgl_core.data.webmercator import world_px
from cvgl_core.errors import DatasetError
from cvgl_core.types import BoolArray, Failure, FloatArray

logger = logging.getLogger(__name__)

ZOOM = 20
TILE_PX = 640
WORDS = 13

MAX_RESIDUAL_PX = 3.0
MAX_MISFIT_SHARE, MAX_MISFITS = 0.05, 3
"""Labels with more rows off than the larger of these are not the corrected ones."""

MAX_SIGN_RESIDUAL_PX = 32.0
"""A reading with other signs must fit this well to be called the right one."""

_NUMBER = r"(-?\d{1,3}(?:\.\d+)?)"
TILE_NAME = re.compile(rf"satellite_{_NUMBER}_{_NUMBER}\.(?:png|jpe?g)")
PANORAMA_NAME = re.compile(rf"[^,]+,{_NUMBER},{_NUMBER},\.(?:jpe?g|png)")


@dataclass(frozen=True)
class VigorTiles:
    """Tiles of all cities of a protocol, ``[N]``; ``index`` by city and name."""

    index: dict[tuple[str, str], int]
    paths: list[Path]
    listed: list[str]
    lonlat_deg: FloatArray
    skipped: list[Failure]


@dataclass(frozen=True)
class VigorRow:
    """A line of labels; ``delta_px`` is the camera south and west of the positive's centre."""

    listed: str
    path: Path
    lonlat_deg: tuple[float, float]
    tiles: tuple[int, ...]
    delta_px: tuple[float, float]


def place_of(pattern: re.Pattern[str], name: str, listed: str) -> tuple[float, float]:
    """Return longitude and latitude that a file name states.

    Raises:
        DatasetError: it states none.
    """
    match = pattern.fullmatch(name)
    lat, lon = (float(value) for value in match.groups()) if match else (math.nan, math.nan)
    if not (abs(lat) <= 85.0 and abs(lon) <= 180.0):
        raise DatasetError(f"{listed}: the name {name!r} does not state latitude and longitude")
    return lon, lat


def read_rows(
    path: Path, folder: Path, city: str, tiles: VigorTiles
) -> tuple[list[VigorRow], list[Failure]]:
    """Return the rows of a label file whose panorama is on disk, and what is left out.

    Raises:
        DatasetError: the file is missing, empty or malformed.
    """
    on_disk = names_in(folder)
    rows: list[VigorRow] = []
    skipped: list[Failure] = []
    seen: set[str] = set()
    for listed, line in read_lines(path):
        words = line.split()
        if len(words) != WORDS:
            raise DatasetError(
                f"{listed}: {len(words)} words, not {WORDS} (a panorama and four times tile, d_row,"
                " d_col); download the labels again"
            )
        name = words[0]
        if name in seen:
            skipped.append(skip(listed, f"{name} is listed twice"))
        elif name not in on_disk:
            skipped.append(skip(listed, f"{name} is not in {folder}"))
        else:
            rows.append(_row(listed, folder, city, words, tiles))
        seen.add(name)
    return rows, skipped


def _row(listed: str, folder: Path, city: str, words: list[str], tiles: VigorTiles) -> VigorRow:
    """Return a line of labels as numbers.

    Raises:
        DatasetError: a tile is not in the list of tiles, or a number is none.
    """
    for name in words[1::3]:
        if (city, name) not in tiles.index:
            raise DatasetError(
                f"{listed}: {name} is not in the city's satellite_list.txt; labels and tiles are of"
                " different versions"
            )
    try:
        deltas = [float(word) for at in (2, 5, 8, 11) for word in words[at : at + 2]]
    except ValueError as error:
        raise DatasetError(f"{listed}: d_row and d_col must be numbers ({error})") from error
    if not all(math.isfinite(delta) for delta in deltas):
        raise DatasetError(f"{listed}: d_row and d_col must be finite")
    return VigorRow(
        listed,
        folder / words[0],
        place_of(PANORAMA_NAME, words[0], listed),
        tuple(tiles.index[city, name] for name in words[1::3]),
        (deltas[0], deltas[1]),
    )


def deltas_px(rows: Sequence[VigorRow]) -> FloatArray:
    """Return the camera south and west of the positive's centre, px of 640, ``[n, 2]``."""
    return np.array([row.delta_px for row in rows]).reshape(-1, 2)


def fitting_rows(
    path: Path, rows: list[VigorRow], tiles: VigorTiles, labels: str
) -> tuple[list[VigorRow], list[Failure]]:
    """Return the rows whose label agrees with the coordinates in the file names, and the others.

    Original labels are known to be off: they are only counted.

    Raises:
        DatasetError: the labels are mis-signed, or are not corrected ones.
    """
    if not rows:
        return [], []
    delta_px = deltas_px(rows)
    stated_px = _stated_deltas(tiles.lonlat_deg[[row.tiles[0] for row in rows]], rows)
    _check_signs(path, delta_px, stated_px)
    residual_px = np.abs(delta_px - stated_px).max(axis=1)
    off = residual_px > MAX_RESIDUAL_PX
    if labels == "corrected":
        _check_corrected(path, rows, off)
    elif off.any():
        logger.warning(
            "%s: %d of %d original labels are more than %g px off the coordinates (median %.1f px)",
            *(path, off.sum(), len(rows), MAX_RESIDUAL_PX, float(np.median(residual_px))),
        )
    kept: list[VigorRow] = []
    skipped: list[Failure] = []
    for row, off_px in zip(rows, residual_px, strict=True):
        if max(abs(delta) for delta in row.delta_px) >= TILE_PX / 2:
            skipped.append(skip(row.listed, f"a camera at {row.delta_px} px is not on its tile"))
        elif labels == "corrected" and off_px > MAX_RESIDUAL_PX:
            skipped.append(skip(row.listed, f"{off_px:.1f} px off the coordinates in the names"))
        else:
            kept.append(row)
    return kept, skipped


def _check_corrected(path: Path, rows: list[VigorRow], off: BoolArray) -> None:
    """Refuse labels of which too many contradict the coordinates.

    Raises:
        DatasetError: says how many, and where the first is.
    """
    if off.sum() > max(MAX_MISFITS, MAX_MISFIT_SHARE * len(rows)):
        raise DatasetError(
            f"{path}: {off.sum()} of {len(rows)} labels are more than {MAX_RESIDUAL_PX:g} px off"
            f" the coordinates in the file names (the first: {rows[off.argmax()].listed}): these"
            " are not the corrected labels; get those of SliceMatch, or ask for the original ones"
        )


def _stated_deltas(tile_lonlat_deg: FloatArray, rows: Sequence[VigorRow]) -> FloatArray:
    """Return the camera south and west of the tile as the file names state, px, ``[n, 2]``."""
    tile_px = world_px(tile_lonlat_deg, ZOOM)
    camera_px = world_px(np.array([row.lonlat_deg for row in rows]), ZOOM)
    east_px, south_px = (camera_px - tile_px).T
    return np.stack([south_px, -east_px], axis=1)


def _check_signs(path: Path, delta_px: FloatArray, stated_px: FloatArray) -> None:
    """Refuse labels that fit the coordinates only with other signs or swapped axes.

    Raises:
        DatasetError: names the reading that fits.
    """
    row, col = delta_px.T
    axes = (("d_row", row, "d_col", col), ("d_col", col, "d_row", row))
    off_px = {}
    for (first, south, second, west), a, b in product(axes, (1, -1), (1, -1)):
        reading = np.stack([a * south, b * west], axis=1)
        name = f"({'-' * (a < 0)}{first}, {'-' * (b < 0)}{second})"
        off_px[name] = float(np.median(np.hypot(*(reading - stated_px).T)))
    as_is = off_px["(d_row, d_col)"]
    best = min(off_px, key=lambda name: off_px[name])
    if off_px[best] < MAX_SIGN_RESIDUAL_PX and as_is > 2.0 * max(MAX_RESIDUAL_PX, off_px[best]):
        raise DatasetError(
            f"{path}: mis-signed labels: read as {best} they are {off_px[best]:.1f} px off the"
            f" coordinates in the file names, as they stand {as_is:.1f} px; d_row counts pixels"
            " south of the tile's centre, d_col west"
        )
