"""What photos that were located together say as one: ``together.geojson``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cvgl_core.export.geojson import JsonObject, result_to_geojson, to_line
from cvgl_core.fsio import write_bytes
from cvgl_core.geo import bbox, geodesic_distance_m
from cvgl_core.types import LocalizationResult

TOGETHER_STEM = "together"


@dataclass(frozen=True)
class Together:
    """Photos that were located together.

    Attributes:
        results: in the order they were taken, at least one.
        basis: in words, what was known of the way between them.
    """

    results: tuple[LocalizationResult, ...]
    basis: str

    @property
    def surest(self) -> LocalizationResult:
        """The photo whose place is most probable; its verdict is that of all."""
        return max(self.results, key=lambda result: result.estimate.probability)

    @property
    def outside_probability(self) -> float:
        """Of all of them, for all were taken in the area or none."""
        return self.results[0].posterior.outside_probability

    @property
    def length_m(self) -> float:
        """Of the way along the estimates."""
        places = np.array([(one.estimate.lon, one.estimate.lat) for one in self.results])
        legs = geodesic_distance_m(places[:-1, 0], places[:-1, 1], places[1:, 0], places[1:, 1])
        return float(np.sum(legs))


def write_together(path: Path, together: Together) -> None:
    """Write the joint answer atomically.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, to_line(together_to_geojson(together)).encode() + b"\n")


def together_to_geojson(together: Together) -> JsonObject:
    """Return a FeatureCollection: one ``way`` along the photos, and the ``estimate`` of each."""
    estimates = []
    for result in together.results:
        features = result_to_geojson(result)["features"]
        assert isinstance(features, list)
        estimates.append(features[0])
    points = [tuple(feature["geometry"]["coordinates"]) for feature in estimates]
    surest = together.surest
    properties: JsonObject = {
        "kind": "way",
        "photos": [result.provenance.photo for result in together.results],
        "basis": together.basis,
        "verdict": surest.estimate.verdict.value,
        "confidence": surest.estimate.confidence.value,
        "surest": surest.provenance.photo,
        "outside_probability": together.outside_probability,
        "length_m": round(together.length_m, 2),
    }
    way = {"type": "Feature", "geometry": _line(points), "properties": properties}
    return {
        "type": "FeatureCollection",
        "bbox": list(bbox([[(point,) * 4 for point in points]])),
        "features": [way, *estimates],
    }


def _line(points: Sequence[tuple[float, float]]) -> JsonObject:
    """Return a line through points, or the point."""
    if len(set(points)) == 1:
        return {"type": "Point", "coordinates": list(points[0])}
    return {"type": "LineString", "coordinates": [list(point) for point in points]}
