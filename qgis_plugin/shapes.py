# SPDX-License-Identifier: GPL-2.0-or-later
"""What is drawn round an estimate: circles, heading cone, EXIF position, searched area.

The shapes are real polygons in WGS 84, so that they are right in every CRS of a project: a marker
sized "in metres" would be twice too large at 60 degrees north on Web Mercator.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from qgis.core import QgsDistanceArea, QgsPointXY

from .result import Json, Place, Result, write_json

CIRCLE_POINTS = 72
CONE_M = 40.0
MIN_CONE_DEG = 20.0


def write_shapes(result: Result, fov_deg: float | None = None, area: Json | None = None) -> Path:
    """Write the shapes file of a result and return its path.

    Args:
        result: the answer.
        fov_deg: horizontal field of view of the photo, None where unknown.
        area: the searched area as a GeoJSON geometry, None for the whole index.

    Raises:
        OSError: the folder cannot be written.
    """
    ellipsoid = QgsDistanceArea()
    ellipsoid.setEllipsoid("WGS84")
    estimate = result.estimate
    features = []
    for level, radius_m in ((50, estimate["radius_50_m"]), (90, estimate["radius_90_m"])):
        if radius_m:
            ring = arc(ellipsoid, result.place, radius_m, 0.0, 360.0)
            features.append(feature("radius", polygon(ring), level=level, radius_m=radius_m))
    heading_deg = estimate.get("heading_deg")
    if heading_deg is not None:
        half_deg = cone_half_deg(fov_deg, estimate.get("heading_std_deg"))
        ends = (heading_deg - half_deg, heading_deg + half_deg)
        ring = [result.place, *arc(ellipsoid, result.place, CONE_M, *ends), result.place]
        features.append(feature("heading", polygon(ring), heading_deg=heading_deg, fov_deg=fov_deg))
    if estimate.get("exif_lon") is not None and estimate.get("exif_lat") is not None:
        point = {"type": "Point", "coordinates": [estimate["exif_lon"], estimate["exif_lat"]]}
        features.append(feature("exif", point))
    if area is not None:
        features.append(feature("search_area", area))
    write_json(result.shapes, {"type": "FeatureCollection", "features": features})
    return result.shapes


def cone_half_deg(fov_deg: float | None, std_deg: float | None) -> float:
    """Return half the angle of the cone that is drawn.

    What the photo shows; of a panorama, whose middle is meant, how sure the heading is.
    """
    if fov_deg is not None and fov_deg <= 180.0:
        return max(fov_deg / 2.0, MIN_CONE_DEG / 2.0)
    return max(min(2.0 * (std_deg or 0.0), 90.0), MIN_CONE_DEG / 2.0)


def arc(
    ellipsoid: QgsDistanceArea, centre: Place, radius_m: float, start_deg: float, end_deg: float
) -> list[Place]:
    """Return places at a distance from a centre, azimuths from start to end, 5 degrees apart."""
    steps = max(2, math.ceil((end_deg - start_deg) / (360.0 / CIRCLE_POINTS)))
    point = QgsPointXY(*centre)
    places = []
    for step in range(steps + 1):
        azimuth = math.radians(start_deg + (end_deg - start_deg) * step / steps)
        place = ellipsoid.computeSpheroidProject(point, radius_m, azimuth)
        places.append(Place(place.x(), place.y()))
    return places


def polygon(ring: Sequence[Place]) -> Json:
    """Return a closed ring of places, clockwise as azimuths grow, as a GeoJSON polygon."""
    closed = [list(place) for place in ring]
    if closed[0] != closed[-1]:
        closed.append(closed[0])
    return {"type": "Polygon", "coordinates": [closed[::-1]]}


def feature(kind: str, geometry: Json, **properties: object) -> Json:
    """Return a GeoJSON feature; all kinds have the same columns."""
    columns = dict.fromkeys(("level", "radius_m", "heading_deg", "fov_deg"))
    return {
        "type": "Feature",
        "geometry": geometry,
        "properties": {"kind": kind, **columns, **properties},
    }


def read_fov_deg(result: Result) -> float | None:
    """Return the field of view a result was located with, None where it was not known."""
    try:
        features = json.loads(result.shapes.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError):
        return None
    found = (f["properties"]["fov_deg"] for f in features if f["properties"]["kind"] == "heading")
    return next(found, None)
