"""Photos and the tiles that show their places, as a data set lists them.

The loaders of VIGOR, CVUSA and CVACT (``cvgl_core.data.datasets``) make a ``PairSet``: paths,
places and labels, checked, without opening an image. ``PairImages`` reads the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cvgl_core.types import Failure, FloatArray, IntArray, ModelCard, UInt8Array


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
        ground_elevation_deg: elevations of the top and bottom edge of the stored panoramas.
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
    ground_elevation_deg: tuple[float, float]
    skipped: tuple[Failure, ...]
    tile_listed: tuple[str, ...]
    view_listed: tuple[str, ...]


class PairImages:
    """The pixels of a ``PairSet`` at a model's sizes; holds no open file, so workers may share it.

    Raises:
        DatasetError: (by ``tile`` and ``view``) an image is missing, damaged or of the wrong shape.
    """

    def __init__(self, pairs: PairSet, card: ModelCard) -> None:
        self.pairs = pairs
        self._card = card

    def tile(self, index: int) -> UInt8Array:
        """Return a tile ``[p, p, 3]``, averaged over area to the model's pixels."""
        raise NotImplementedError

    def view(self, index: int) -> UInt8Array:
        """Return a panorama as the model's strip ``[h, w, 3]``, north in the centre column."""
        raise NotImplementedError


def offsets_m(pairs: PairSet, views: IntArray, tiles: IntArray) -> FloatArray:
    """Return cameras relative to tiles' centres, metres east and north ``[n, 2]``.

    From the coordinates, along great circles; NaN where the data set gives none.

    Args:
        pairs: the data set.
        views: indices of cameras ``[n]``.
        tiles: indices of tiles ``[n]``.
    """
    raise NotImplementedError
