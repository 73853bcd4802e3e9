"""Photos and the tiles that show their places, as a data set lists them.

The loaders of VIGOR, CVUSA and CVACT (``cvgl_core.data.datasets``) make a ``PairSet``: paths,
places and labels, checked, without opening an image. ``PairImages`` reads the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from cvgl_core.data.webmercator import EARTH_RADIUS_M
from cvgl_core.errors import DatasetError, PhotoError
from cvgl_core.geo.crs import WGS84
from cvgl_core.photo import read_photo
from cvgl_core.types import (
    Failure,
    Float32Array,
    FloatArray,
    GroundSpec,
    IntArray,
    ModelCard,
    UInt8Array,
)

_OVERSAMPLING = 4
_MAX_STRETCH = 0.02


@dataclass(frozen=True)
class PairSet:
    """Photos and the tiles that show their places.

    Attributes:
        name: "VIGOR cross-area test".
        labels: "corrected", "original", or "centre" where the camera is the tile's centre.
        tile_paths: the whole gallery ``[N]``, also tiles without a photo.
        tile_lonlat_deg: centres of the tiles ``[N, 2]``; NaN where the data set does not say.
        tile_side_m: ground side of the stored square images ``[N]``; NaN where not known.
        view_paths: north-aligned panoramas ``[Q]``.
        view_lonlat_deg: cameras ``[Q, 2]``; NaN where the data set does not say.
        positive: index into the tiles ``[Q]``.
        semi_positive: further tiles near the camera ``[Q, 3]``, -1 where there is none.
        camera_uv: camera on its positive tile as a fraction of the side from the upper left
            (u right, v down), ``[Q, 2]``.
        ground_elevation_deg: elevations of the top and bottom edge of the stored panoramas; None
            where views are plain pictures.
        skipped: rows left out, each with ``file:line`` and the reason.
        tile_listed, view_listed: ``file:line`` that names each tile ``[N]`` and view ``[Q]``.
    """

    name: str
    labels: str
    tile_paths: tuple[Path, ...]
    tile_lonlat_deg: FloatArray
    tile_side_m: FloatArray
    view_paths: tuple[Path, ...]
    view_lonlat_deg: FloatArray
    positive: IntArray
    semi_positive: IntArray
    camera_uv: FloatArray
    ground_elevation_deg: tuple[float, float] | None
    skipped: tuple[Failure, ...]
    tile_listed: tuple[str, ...]
    view_listed: tuple[str, ...]


class PairImages:
    """The pixels of a ``PairSet`` at a model's sizes; holds no open file, so workers may share it.

    Raises:
        DatasetError: (by ``tile`` and ``view``) an image is missing, damaged or of another shape
            than its data set has; names the image and the line that lists it.
    """

    def __init__(self, pairs: PairSet, card: ModelCard) -> None:
        self.pairs = pairs
        self._tile_px = card.aerial_px
        self._ground = card.ground
        self._fill = np.array(card.fill_rgb, np.uint8)

    def tile(self, index: int) -> UInt8Array:
        """Return a tile ``[p, p, 3]``, averaged over area to the model's pixels."""
        path, listed = self.pairs.tile_paths[index], self.pairs.tile_listed[index]
        rgb = _read(path, listed)
        height_px, width_px = rgb.shape[:2]
        if height_px != width_px:
            raise DatasetError(
                f"{listed}: {path} has {width_px} x {height_px} px, but a tile is square;"
                " download it again"
            )
        return resized(rgb, self._tile_px, self._tile_px)

    def view(self, index: int) -> UInt8Array:
        """Return a panorama as the model's strip ``[h, w, 3]``, north in the centre column.

        Elevations that the stored panorama does not show take the model's mean colour. A plain
        picture is squeezed to the model's size.
        """
        path, listed = self.pairs.view_paths[index], self.pairs.view_listed[index]
        rgb = _read(path, listed, self._ground.width_px * _OVERSAMPLING)
        height_px, width_px = rgb.shape[:2]
        stored_deg = self.pairs.ground_elevation_deg
        if stored_deg is None:
            return resized(rgb, self._ground.width_px, self._ground.height_px)
        top_deg, bottom_deg = stored_deg
        asked_px = (top_deg - bottom_deg) / 360.0 * width_px
        if abs(height_px - asked_px) > max(1.0, _MAX_STRETCH * asked_px):
            raise DatasetError(
                f"{listed}: {path} has {width_px} x {height_px} px, but a full circle of"
                f" {top_deg - bottom_deg:.1f} degrees' height has {width_px} x {asked_px:.0f};"
                " use the panoramas as the data set stores them"
            )
        return _strip(rgb, stored_deg, self._ground, self._fill)


def offsets_m(pairs: PairSet, views: IntArray, tiles: IntArray) -> FloatArray:
    """Return cameras relative to tiles' centres, metres east and north ``[n, 2]``.

    From the coordinates, along great circles of the sphere that gives ``tile_side_m`` its metres,
    so that labels and coordinates agree; on WGS 84 where tiles have no known side, as in DA-Campus.
    NaN where the data set gives no coordinates.

    Args:
        pairs: the data set.
        views: indices of cameras ``[n]``.
        tiles: indices of tiles ``[n]``.
    """
    if np.isnan(pairs.tile_side_m).all():
        azimuth_deg, _, distance_m = WGS84.inv(
            *pairs.tile_lonlat_deg[tiles].T, *pairs.view_lonlat_deg[views].T
        )
        return _polar(np.radians(azimuth_deg), distance_m)
    lon, lat = np.radians(pairs.view_lonlat_deg[views]).T
    lon_0, lat_0 = np.radians(pairs.tile_lonlat_deg[tiles]).T
    turn = lon - lon_0
    haversine = (
        np.sin((lat - lat_0) / 2.0) ** 2 + np.cos(lat) * np.cos(lat_0) * np.sin(turn / 2.0) ** 2
    )
    distance_m = 2.0 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(haversine, 1.0)))
    east = np.sin(turn) * np.cos(lat)
    # The usual cos sin - sin cos cos, written so that nearby places keep their digits.
    north = np.sin(lat - lat_0) + 2.0 * np.sin(lat_0) * np.cos(lat) * np.sin(turn / 2.0) ** 2
    return _polar(np.arctan2(east, north), distance_m)


def _polar(azimuth: FloatArray, distance_m: FloatArray) -> FloatArray:
    """Return metres east and north ``[n, 2]`` of azimuths in radians and distances ``[n]``."""
    unit = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1)
    return np.asarray(unit * distance_m[:, None], np.float64)


def _read(path: Path, listed: str, max_side_px: int = 4096) -> UInt8Array:
    """Return the pixels of an image ``[H, W, 3]``; a failure names the line that lists it."""
    try:
        return read_photo(path, max_side_px).rgb
    except PhotoError as error:
        raise DatasetError(f"{listed}: {error}") from error


def _strip(
    rgb: UInt8Array, stored_deg: tuple[float, float], spec: GroundSpec, fill: UInt8Array
) -> UInt8Array:
    """Return a full-circle panorama as the strip ``[h, w, 3]`` of ``spec``, averaged over area.

    Both are linear in azimuth and elevation, so columns and rows are averaged one after the other.
    """
    narrow = resized(rgb, spec.width_px, rgb.shape[0])
    weight = _row_weights(rgb.shape[0], stored_deg, spec)
    shown = weight.sum(axis=1)
    flat = weight @ narrow.reshape(len(narrow), -1).astype(np.float32)
    mean = flat / np.maximum(shown, 1e-6)[:, None]
    strip = np.asarray(mean + 0.5, np.uint8).reshape(spec.height_px, spec.width_px, 3)
    strip[shown < 0.5] = fill
    return strip


def _row_weights(height_px: int, stored_deg: tuple[float, float], spec: GroundSpec) -> Float32Array:
    """Return the share of each row of ``spec`` that each stored row covers, ``[h, height_px]``."""
    wanted = np.linspace(spec.elevation_top_deg, spec.elevation_bottom_deg, spec.height_px + 1)
    stored = np.linspace(stored_deg[0], stored_deg[1], height_px + 1)
    top = np.minimum(wanted[:-1, None], stored[None, :-1])
    bottom = np.maximum(wanted[1:, None], stored[None, 1:])
    row_deg = (spec.elevation_top_deg - spec.elevation_bottom_deg) / spec.height_px
    return np.asarray(np.maximum(top - bottom, 0.0) / row_deg, np.float32)


def resized(rgb: UInt8Array, width_px: int, height_px: int) -> UInt8Array:
    """Return the image at another size: averaged over area, or interpolated where it grows."""
    shrinks = width_px <= rgb.shape[1] and height_px <= rgb.shape[0]
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(rgb, (width_px, height_px), interpolation=how), np.uint8)
