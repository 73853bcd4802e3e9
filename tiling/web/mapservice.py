"""Map services as rasters: the level that suits, looked at, and the terms they come under."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import RasterOpenError, SettingsError
from tiling.raster.facts import ground_resolution
from tiling.raster.info import RasterInfo
from tiling.raster.webreader import decode_tile
from tiling.web.client import PARALLEL, host_of
from tiling.web.levels import level_of
from tiling.web.services import Service, TileLevel
from tiling.web.tilecache import default_cache, tile_bytes

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a map service.

    Attributes:
        area: in degrees; a service covers the Earth, so it is needed.
        gsd_m_per_px: side of a pixel on the ground.
        reach_m: how far beyond the area pictures are wanted.
        zoom: number of the level, in place of the one that suits.
        cache: folder that keeps what is fetched; the user's own if None.
    """

    area: BaseGeometry | None = None
    gsd_m_per_px: float = 1.0
    reach_m: float = 0.0
    zoom: int | None = None
    cache: Path | None = None


def check_terms(urls: Iterable[str], accepted: Iterable[str]) -> None:
    """Refuse hosts whose terms the user has not accepted, before anything is asked of them.

    Raises:
        SettingsError: a host is not among ``accepted``.
    """
    known = {host.lower() for host in accepted}
    missing = sorted({host_of(url) for url in urls} - known)
    if missing:
        options = " ".join(f"--accept-terms {host}" for host in missing)
        raise SettingsError(
            f"{', '.join(missing)}: its owner's terms say whether you may fetch these pictures in "
            "bulk, keep them and make an index of them, and how to name their source; read them, "
            f"and if you may, add {options}"
        )


def describe_service(service: Service, wanted: Wanted) -> RasterInfo:
    """Return a map service as a raster: its level that suits, cut down to the area.

    Raises:
        SettingsError: no area is given, or the service has no such layer or level.
        SourceUnreachableError: the server cannot be reached, or fails.
        RasterOpenError: it refuses, or sends no pictures.
    """
    level = _level(service, wanted)
    columns, rows = level.count
    _LOG.warning(
        "%s: up to %d tiles will be fetched from %s, %d at most at once; its terms of use and its "
        "attribution hold for the index, too",
        level, columns * rows, host_of(level.url), PARALLEL,
    )  # fmt: skip
    size_px = (columns * level.tile_px, rows * level.tile_px)
    gsd, centre = ground_resolution(level, level.transform, size_px, level.crs)
    return RasterInfo(
        path=level,
        driver=service.kind.upper(),
        crs=level.crs,
        transform=level.transform,
        width_px=size_px[0],
        height_px=size_px[1],
        gsd_m_per_px=gsd,
        centre=centre,
        dtype="uint8",
        bands=(1, 2, 3),
        paletted=False,
        has_alpha=True,
        nodata=None,
        overviews=(),
        stretch=(),
        parts=(),
    )


def _level(service: Service, wanted: Wanted) -> TileLevel:
    """Return the level that suits, for tiles of the size that the service really sends."""
    if wanted.area is None:
        raise SettingsError(f"{service}: choose a part of the Earth with --aoi")
    area, cache = wanted.area, (wanted.cache or default_cache()).absolute()

    def level(tile_px: int) -> TileLevel:
        found = level_of(service, area, wanted.gsd_m_per_px, wanted.reach_m, wanted.zoom, tile_px)
        return replace(found, cache=cache)

    chosen = level(256)
    data = _some_tile(chosen)
    if data is None:
        raise RasterOpenError(
            f"{chosen}: has no picture in the area asked for; choose a coarser level with --zoom"
        )
    if service.kind == "xyz":
        side_px = decode_tile(chosen, data, None).shape[-1]
        return chosen if side_px == chosen.tile_px else level(side_px)
    decode_tile(chosen, data, chosen.tile_px)
    return chosen


def _some_tile(level: TileLevel) -> bytes | None:
    """Return a tile from the middle, or from eight places around it; None if all are missing."""
    (col, row), (columns, rows) = level.first, level.count
    for share_x, share_y in (
        (2, 2),
        (1, 1),
        (3, 3),
        (1, 3),
        (3, 1),
        (1, 2),
        (3, 2),
        (2, 1),
        (2, 3),
    ):
        data = tile_bytes(level, col + columns * share_x // 4, row + rows * share_y // 4)
        if data is not None:
            return data
    return None
