"""Which level of a map service is read: the coarsest that shows enough detail on the ground."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import mercantile
from pyproj import CRS
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo import from_lonlat, is_metric
from cvgl_core.geo.area import to_grid
from cvgl_core.geo.crs import WGS84
from tiling.web.services import Service, TileLevel
from tiling.web.wmts import wmts_levels

_MERCATOR = "EPSG:3857"
_MERCATOR_180 = (  # the same, for areas across 180 degrees: x goes on growing there
    "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=180 +x_0=20037508.342789244 +y_0=0 +k=1 "
    "+units=m +nadgrids=@null +wktext +no_defs"
)
_DEEPEST = 24
_MAX_TILES = 10_000_000
_WMS_TILE_PX = 512
_ENOUGH = 1.02  # a level may be this much coarser than wanted
_PROBE_M = 50.0


def level_of(
    service: Service,
    area: BaseGeometry,
    gsd_m_per_px: float,
    reach_m: float,
    zoom: int | None = None,
    tile_px: int = 256,
) -> TileLevel:
    """Return the level of a service to read, cut down to an area in degrees.

    Args:
        service: the service.
        area: what is wanted.
        gsd_m_per_px: side of a pixel on the ground that is wanted.
        reach_m: how far beyond the area pictures are wanted.
        zoom: number of the level, in place of the one that suits; WMS has none.
        tile_px: side of the tiles of an XYZ service.

    Raises:
        SettingsError: it has no such level or layer, or the area is too large for it.
        RasterError: what it says of itself cannot be fetched or understood.
    """
    if service.kind == "wms":
        level = _wms_level(service, area, gsd_m_per_px)
    else:
        across = area.bounds[0] < -180.0 or area.bounds[2] > 180.0
        levels = (
            xyz_levels(service, _MERCATOR_180 if across else _MERCATOR, tile_px)
            if service.kind == "xyz"
            else wmts_levels(service)
        )
        level = _suiting(levels, area, gsd_m_per_px, zoom, service)
    return _cut_down(level, area, reach_m)


def xyz_levels(service: Service, crs: str, tile_px: int) -> tuple[TileLevel, ...]:
    """Return the levels of an XYZ service: zoom z has 2**z tiles around the world."""
    return tuple(
        TileLevel(
            service=service,
            url=service.url.replace("{z}", str(zoom)),
            label=f"zoom {zoom}",
            crs=crs,
            left=-mercantile.CE / 2.0,
            top=mercantile.CE / 2.0,
            side=mercantile.CE / 2**zoom / tile_px,
            tile_px=tile_px,
            size=(2**zoom, 2**zoom),
        )
        for zoom in range(_DEEPEST + 1)
    )


def _wms_level(service: Service, area: BaseGeometry, gsd_m_per_px: float) -> TileLevel:
    """Return the only level of a WMS: pictures of any size, here squares of one lattice."""
    parts = urlsplit(service.url)
    asked = {key.lower(): value for key, value in parse_qsl(parts.query, keep_blank_values=True)}
    if not asked.get("layers"):
        raise SettingsError(f"{service}: name its layers in the URL: ?layers=NAME")
    crs = (asked.pop("crs", "") or asked.pop("srs", "") or _MERCATOR).upper()
    if not is_metric(crs):
        raise SettingsError(f"{service}: crs={crs[:40]} is no projected CRS in metres")
    version = asked.get("version", "1.1.1")
    if version.startswith("1.3") and CRS.from_user_input(crs).axis_info[0].direction == "north":
        raise SettingsError(f"{service}: ask for {crs} with version=1.1.1: 1.3.0 turns its axes")
    query = {
        "service": "WMS",
        "version": version,
        "request": "GetMap",
        "styles": "",
        "format": "image/png",
        "transparent": "TRUE",
        "width": str(_WMS_TILE_PX),
        "height": str(_WMS_TILE_PX),
    } | asked
    query["crs" if version.startswith("1.3") else "srs"] = crs
    url = urlunsplit(parts._replace(query=urlencode(query) + "&bbox={bbox}", fragment=""))
    side = float(f"{gsd_m_per_px * _units_per_m(crs, area):.3g}")
    return TileLevel(
        service, url, f"{asked['layers'][:80]} {side:g} m", crs, 0.0, 0.0, side, _WMS_TILE_PX
    )


def _suiting(
    levels: Sequence[TileLevel],
    area: BaseGeometry,
    gsd_m_per_px: float,
    zoom: int | None,
    service: Service,
) -> TileLevel:
    """Return the coarsest level that is fine enough, else the finest; or the one asked for."""
    if zoom is not None:
        if not 0 <= zoom < len(levels):
            raise SettingsError(f"{service}: has levels 0 to {len(levels) - 1}, not --zoom {zoom}")
        return levels[zoom]
    wanted = gsd_m_per_px * _units_per_m(levels[0].crs, area) * _ENOUGH
    fitting = [level for level in levels if level.side <= wanted]
    return (
        max(fitting, key=lambda level: level.side)
        if fitting
        else min(levels, key=lambda level: level.side)
    )


def _units_per_m(crs: str, area: BaseGeometry) -> float:
    """Return how many units of a CRS a ground metre has where the area comes nearest the equator.

    Raises:
        SettingsError: the CRS does not reach there.
    """
    west, south, east, north = area.bounds
    lat = 0.0 if south <= 0.0 <= north else min(south, north, key=abs)
    lons, lats = [(west + east) / 2.0], [lat]
    for azimuth in (90.0, 0.0 if lat <= 0.0 else 180.0):
        lon, lat_, _ = WGS84.fwd(lons[0], lats[0], azimuth, _PROBE_M)
        lons.append(lons[0] + (lon - lons[0] + 180.0) % 360.0 - 180.0)
        lats.append(lat_)
    x, y = from_lonlat(crs, lons, lats)
    lengths = [math.hypot(x[i] - x[0], y[i] - y[0]) / _PROBE_M for i in (1, 2)]
    scale = math.sqrt(lengths[0] * lengths[1])
    if not 0.0 < scale < 1e3:
        raise SettingsError(f"{crs}: does not reach the area asked for with --aoi")
    return scale


def _cut_down(level: TileLevel, area: BaseGeometry, reach_m: float) -> TileLevel:
    """Return a level with only the tiles that touch an area or its surroundings."""
    outline = to_grid(area, level.crs)
    beyond = reach_m * _units_per_m(level.crs, area) * 2.0
    left, bottom, right, top = outline.bounds
    if not all(map(math.isfinite, outline.bounds)) or not outline.area:
        raise SettingsError(f"{level}: does not reach the area asked for with --aoi")
    span = level.side * level.tile_px
    col0 = math.floor((left - beyond - level.left) / span)
    col1 = math.ceil((right + beyond - level.left) / span)
    row0 = math.floor((level.top - top - beyond) / span)
    row1 = math.ceil((level.top - bottom + beyond) / span)
    columns, rows = level.size
    if rows:
        row0, row1 = max(row0, 0), min(row1, rows)
    if columns and level.service.kind == "wmts":
        col0, col1 = max(col0, 0), min(col1, columns)
    count = (col1 - col0, row1 - row0)
    if min(count) < 1:
        raise SettingsError(f"{level}: does not reach the area asked for with --aoi")
    if count[0] * count[1] > _MAX_TILES:
        raise SettingsError(
            f"{level}: the area takes {count[0] * count[1]:,} tiles of it, too many to ask for; "
            "choose a smaller area, or get the imagery as files"
        )
    return replace(level, first=(col0, row0), count=count)
