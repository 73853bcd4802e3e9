"""The area asked for: a rectangle in degrees or the polygons of a file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.affinity import translate
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo.angle import wrapped
from cvgl_core.geo.crs import from_lonlat, to_lonlat

_STEP_DEG = 0.01
_VECTOR_SIGNATURES = (b"SQLite format 3\0", b"\0\0\x27\x0a", b"fgb\x03")


def read_area(text: str) -> BaseGeometry:
    """Return the area that ``W,S,E,N`` or the path of a vector file names, in degrees, WGS 84.

    A rectangle whose west is larger than its east crosses the antimeridian; its longitudes then
    go beyond 180.

    Raises:
        SettingsError: it is neither, or holds no area.
    """
    parts = text.split(",")
    if len(parts) == 4:
        try:
            west, south, east, north = (float(part) for part in parts)
        except ValueError as error:
            raise SettingsError(f"--aoi {text!r}: four numbers W,S,E,N are wanted") from error
        east += 360.0 if east < west else 0.0
        finite = np.isfinite([west, south, east, north]).all()
        if not (finite and -90.0 <= south < north <= 90.0 and -180.0 <= west < east <= 540.0):
            raise SettingsError(f"--aoi {text!r}: is no rectangle W,S,E,N in degrees")
        area = box(west, south, east, north)
    else:
        area = _from_file(Path(text))
    if not area.area:
        raise SettingsError(f"--aoi {text!r}: holds no area; give polygons in degrees")
    return area


def to_grid(area: BaseGeometry, crs: str) -> BaseGeometry:
    """Return an area in degrees as one in the metres of ``crs``; straight edges are refined."""

    def project(points: Any) -> Any:
        return np.stack(from_lonlat(crs, points[:, 0], points[:, 1]), axis=-1)

    step = max(_STEP_DEG, float(np.ptp(np.reshape(area.bounds, (2, 2)), axis=0).max()) / 500.0)
    return shapely.make_valid(shapely.transform(shapely.segmentize(area, step), project))


def _from_file(path: Path) -> BaseGeometry:
    """Return the union of the polygons in a file, in degrees; east of 180 if they cross it."""
    if not path.is_file():
        raise SettingsError(f"--aoi {str(path)!r}: neither W,S,E,N nor a file that exists")
    try:
        polygons = _polygons(path)
        area = shapely.make_valid(shapely.union_all(_side_by_side(polygons)))
    except Exception as error:
        raise SettingsError(f"--aoi {str(path)!r}: cannot be read as polygons ({error})") from error
    bounds = np.abs(area.bounds)
    if not np.isfinite(bounds).all() or max(bounds[1::2]) > 90.0 or max(bounds[::2]) > 540.0:
        raise SettingsError(f"--aoi {str(path)!r}: is not in degrees, WGS 84")
    return area


def _polygons(path: Path) -> list[BaseGeometry]:
    """Return the polygons of a file, in degrees, each in one piece.

    Raises:
        ValueError: the file is of no known format, or it is not clear what a polygon encloses.
    """
    with path.open("rb") as stream:
        head = stream.read(1024)
    if path.suffix.lower() in (".json", ".geojson"):
        polygons = _parts(_geojson_shapes(json.loads(path.read_bytes())))
    elif head.startswith(_VECTOR_SIGNATURES) or (path.suffix.lower() == ".kml" and b"<kml" in head):
        import geopandas  # heavy, and only files other than GeoJSON need it

        frame = geopandas.read_file(path)
        if frame.crs is None:
            raise ValueError("does not name its coordinate system")
        if frame.crs.is_geographic:
            frame = frame.to_crs("EPSG:4326")
        polygons = _parts(list(frame.geometry))
        if not frame.crs.is_geographic:
            polygons = [_in_degrees(polygon, frame.crs.to_wkt()) for polygon in polygons]
    else:
        raise ValueError("is no GeoJSON, GeoPackage, Shapefile, FlatGeobuf or KML")
    if not polygons:
        raise ValueError("holds no polygon")
    for polygon in polygons:
        for ring in shapely.get_rings(polygon):
            if np.abs(np.diff(shapely.get_coordinates(ring)[:, 0])).max() > 180.0:
                raise ValueError(
                    "an edge goes more than half round the Earth; cut the polygon at 180 degrees, "
                    "or let its longitudes go beyond 180"
                )
    return polygons


def _parts(shapes: Sequence[BaseGeometry | None]) -> list[BaseGeometry]:
    """Return the single polygons of shapes, without height; points and lines are left out."""
    flat = shapely.force_2d([one for one in shapes if one is not None])
    parts = shapely.get_parts(shapely.get_parts(flat))
    return [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]


def _in_degrees(polygon: BaseGeometry, crs: str) -> BaseGeometry:
    """Return a polygon of a projected CRS in degrees, in one piece across 180 degrees."""
    longest = float(np.ptp(np.reshape(polygon.bounds, (2, 2)), axis=0).max())

    def unproject(points: Any) -> Any:
        lon, lat = to_lonlat(crs, points[:, 0], points[:, 1])
        return np.stack([lon[0] + wrapped(lon - lon[0]), lat], axis=-1)

    return shapely.transform(shapely.segmentize(polygon, longest / 500.0), unproject)


def _side_by_side(polygons: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Return polygons moved by whole turns if that brings those at 180 degrees together."""
    bounds = shapely.bounds(polygons)
    turns = np.where(bounds[:, 0] < 0.0, 360.0, 0.0)
    moved = bounds[:, [0, 2]] + turns[:, None]
    if bounds[:, 0].min() >= -180.0 and np.ptp(moved) >= np.ptp(bounds[:, [0, 2]]):
        return list(polygons)
    return [
        translate(polygon, xoff=turn)
        for polygon, turn in zip(polygons, turns.tolist(), strict=True)
    ]


def _geojson_shapes(document: dict[str, Any]) -> list[BaseGeometry]:
    """Return the geometries of a GeoJSON object."""
    if document["type"] == "FeatureCollection":
        found = [feature["geometry"] for feature in document["features"]]
    else:
        found = [document["geometry"] if document["type"] == "Feature" else document]
    return [shape(geometry) for geometry in found if geometry is not None]
