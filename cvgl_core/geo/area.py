"""The area asked for: a rectangle in degrees or the polygons of a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import SettingsError
from cvgl_core.geo.crs import from_lonlat

_STEP_DEG = 0.01


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
    """Return the union of the polygons in a file, in degrees."""
    if not path.is_file():
        raise SettingsError(f"--aoi {str(path)!r}: neither W,S,E,N nor a file that exists")
    try:
        if path.suffix.lower() in (".json", ".geojson"):
            shapes = _geojson_shapes(json.loads(path.read_bytes()))
        else:
            import geopandas  # heavy, and only files other than GeoJSON need it

            shapes = list(geopandas.read_file(path).to_crs("EPSG:4326").geometry)
        area = shapely.make_valid(shapely.union_all([s for s in shapes if s is not None]))
    except Exception as error:
        raise SettingsError(f"--aoi {str(path)!r}: cannot be read as polygons ({error})") from error
    if not np.isfinite(area.bounds).all() or max(np.abs(area.bounds[1::2])) > 90.0:
        raise SettingsError(f"--aoi {str(path)!r}: is not in degrees, WGS 84")
    return area


def _geojson_shapes(document: dict[str, Any]) -> list[BaseGeometry]:
    """Return the geometries of a GeoJSON object."""
    if document["type"] == "FeatureCollection":
        return [shape(feature["geometry"]) for feature in document["features"]]
    return [shape(document["geometry"] if document["type"] == "Feature" else document)]
