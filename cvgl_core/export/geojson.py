"""Results as GeoJSON (RFC 7946): the file ``NAME.geojson`` and the line that ``--json`` prints.

Longitude and latitude in degrees, WGS 84, 7 decimals (about 1 cm); outer rings counter-clockwise;
shapes that cross the antimeridian are cut there; every number is finite, or null where it may be.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from cvgl_core.fsio import write_bytes
from cvgl_core.geo import bbox, cut_antimeridian, geometry
from cvgl_core.types import (
    Candidate,
    CredibleRegion,
    Failure,
    LocalizationResult,
    LonLat,
)

DECIMALS = 7
SCHEMA_PATH = Path(__file__).parent / "schemas" / "result.schema.json"

JsonObject = dict[str, object]
Rings = tuple[tuple[tuple[float, float], ...], ...]


def result_to_geojson(result: LocalizationResult) -> JsonObject:
    """Return a result as a FeatureCollection; ``schemas/result.schema.json`` describes it.

    Features by ``kind``: one ``estimate`` (Point), a ``candidate`` (Polygon) per tile in the order
    of rank, a ``credible_region`` (MultiPolygon) per level. Properties are flat. What the answer
    rests on stands beside them, in ``provenance`` and, once it was looked at, ``evidence``.
    """
    tiles = [_cut(candidate.polygon) for candidate in result.candidates]
    regions = [_region_polygons(region) for region in result.regions]
    features = [_estimate(result)]
    features += [_candidate(*pair) for pair in zip(result.candidates, tiles, strict=True)]
    features += [_region(*pair) for pair in zip(result.regions, regions, strict=True)]
    point = (_degrees(result.estimate.lon), _degrees(result.estimate.lat))
    shapes: list[Rings] = [((point,) * 4,)]
    shapes += [polygon for group in (*tiles, *regions) for polygon in group]
    collection: JsonObject = {
        "type": "FeatureCollection",
        "bbox": [_degrees(value) for value in bbox(shapes)],
        "features": features,
        "provenance": _clean(asdict(result.provenance)),
    }
    if result.evidence is not None:
        collection["evidence"] = _clean(asdict(result.evidence))
    return collection


def failure_to_json(failure: Failure) -> JsonObject:
    """Return what ``--json`` prints for a photo that could not be used."""
    return {
        "type": "Failure",
        "photo": failure.item,
        "error": failure.error,
        "message": failure.message,
        "exit_code": failure.exit_code,
    }


def to_line(value: JsonObject) -> str:
    """Return JSON on one line, UTF-8; raises ``ValueError`` rather than write NaN."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def write_geojson(path: Path, result: LocalizationResult) -> None:
    """Write a result atomically; one line, the same object as on stdout.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    write_bytes(path, to_line(result_to_geojson(result)).encode() + b"\n")


def _estimate(result: LocalizationResult) -> JsonObject:
    """Return the feature of the camera's place."""
    properties = estimate_properties(result)
    place = [properties["lon"], properties["lat"]]
    return _feature({"type": "Point", "coordinates": place}, properties)


def estimate_properties(result: LocalizationResult) -> JsonObject:
    """Return what is said of the camera's place."""
    estimate, made_by = result.estimate, result.provenance
    metadata = result.metadata
    values: JsonObject = {
        "kind": "estimate",
        "rank": 1,
        "lon": _degrees(estimate.lon),
        "lat": _degrees(estimate.lat),
        "probability": estimate.probability,
        "radius_50_m": estimate.radius_50_m,
        "radius_90_m": estimate.radius_90_m,
        "heading_deg": estimate.heading_deg,
        "heading_std_deg": estimate.heading_std_deg,
        "verdict": estimate.verdict.value,
        "confidence": estimate.confidence.value,
        "outside_probability": result.posterior.outside_probability,
        "photo": made_by.photo,
        "photo_sha256": made_by.photo_sha256,
        "taken_at": metadata.taken_at,
        "index_id": made_by.index_id,
        "index_version": made_by.index_version,
        "model": made_by.model,
        "weights_sha256": made_by.weights_sha256,
        "software": made_by.software,
        "created_at": made_by.created_at,
        "exif_lon": None if metadata.exif_lon is None else _degrees(metadata.exif_lon),
        "exif_lat": None if metadata.exif_lat is None else _degrees(metadata.exif_lat),
        "exif_distance_m": result.exif_distance_m,
    }
    if result.priors:
        values["priors"] = list(result.priors)
    if result.together:
        values["together"] = list(result.together)
    return _clean(values)


def _candidate(candidate: Candidate, polygons: Sequence[Rings]) -> JsonObject:
    """Return the feature of a tile."""
    properties: JsonObject = {
        "kind": "candidate",
        "rank": candidate.rank,
        "retrieval_rank": candidate.retrieval_rank,
        "tile_id": candidate.tile_id,
        "score": candidate.score,
        "retrieval_score": candidate.retrieval_score,
        "match_score": candidate.match_score,
        "presence_score": candidate.presence_score,
        "probability": candidate.probability,
        "lon": _degrees(candidate.lon),
        "lat": _degrees(candidate.lat),
        "heading_deg": candidate.heading_deg,
    }
    if candidate.index_id is not None:
        properties["index_id"] = candidate.index_id
    if candidate.tile_size_m is not None:
        properties["tile_size_m"] = candidate.tile_size_m
    return _feature(geometry(polygons), properties)


def _region(region: CredibleRegion, polygons: Sequence[Rings]) -> JsonObject:
    """Return the feature of a credible region."""
    properties: JsonObject = {
        "kind": "credible_region",
        "level": region.level,
        "area_m2": region.area_m2,
    }
    return _feature({"type": "MultiPolygon", "coordinates": list(polygons)}, properties)


def _feature(shape: JsonObject, properties: JsonObject) -> JsonObject:
    """Return a Feature with finite numbers only."""
    return {"type": "Feature", "geometry": shape, "properties": _clean(properties)}


def _cut(polygon: Sequence[LonLat]) -> list[Rings]:
    """Return a ring, open or closed, as cut and oriented polygons of rounded coordinates."""
    ring = [(point.lon, point.lat) for point in polygon]
    if ring[0] != ring[-1]:
        ring.append(ring[0])
    return [_rounded(rings) for rings in cut_antimeridian(ring)]


def _region_polygons(region: CredibleRegion) -> list[Rings]:
    """Return the polygons of a region, holes kept, cut and oriented."""
    polygons: list[Rings] = []
    for rings in region.polygons:
        outer, *holes = [[(point.lon, point.lat) for point in ring] for ring in rings]
        polygons += [_rounded(part) for part in cut_antimeridian(outer, holes)]
    return polygons


def _rounded(rings: Rings) -> Rings:
    """Return rings with coordinates rounded to ``DECIMALS``."""
    return tuple(tuple((_degrees(x), _degrees(y)) for x, y in ring) for ring in rings)


def _degrees(value: float) -> float:
    """Return a coordinate in degrees as it is written; never minus zero."""
    return round(float(value), DECIMALS) + 0.0


def _clean(values: JsonObject) -> JsonObject:
    """Return a table whose numbers that are not finite became null, whatever numpy type."""
    return {name: _clean_value(value) for name, value in values.items()}


def _clean_value(value: object) -> object:
    """Return one value fit for JSON."""
    if isinstance(value, dict):
        return _clean(value)
    if isinstance(value, list | tuple):
        return [_clean_value(one) for one in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "item"):
        return _clean_value(value.item())
    return value
