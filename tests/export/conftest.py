"""A made-up result whose figures agree with one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from cvgl_core.export.mapview import BaseMap
from cvgl_core.export.sight import ColumnMatch, Sight
from cvgl_core.geo import TileGrid, cut_antimeridian, metric_crs_for, tile_rings, to_lonlat
from cvgl_core.geo.crs import from_lonlat
from cvgl_core.types import (
    Bounds,
    Candidate,
    Confidence,
    CredibleRegion,
    Estimate,
    GroundView,
    LocalizationResult,
    LonLat,
    PhotoMetadata,
    Posterior,
    Projection,
    Provenance,
    Verdict,
)


@dataclass(frozen=True)
class Case:
    """A result and the pictures that belong to it."""

    result: LocalizationResult
    photo: np.ndarray
    tiles: np.ndarray
    basemap: np.ndarray
    bounds: Bounds
    centre: tuple[float, float] = field(default=(0.0, 0.0))


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = random.integers(40, 210, (height // 8 + 1, width // 8 + 1, 3))
    return np.kron(coarse, np.ones((8, 8, 1)))[:height, :width].astype(np.uint8)


def make_case(lon: float = 8.54, lat: float = 47.37, hostile: str = "") -> Case:
    crs = metric_crs_for(lon, lat)
    grid = TileGrid(crs, 72.0, 36.0)
    x, y = (float(v[0]) for v in from_lonlat(crs, [lon], [lat]))
    row, col = grid.nearest(x, y)
    row, col = int(np.ravel(row)[0]), int(np.ravel(col)[0])
    candidates = []
    for rank in range(1, 7):
        r, c = row + (rank - 1) % 3, col + (rank - 1) // 3
        parts = cut_antimeridian(tile_rings(grid, r, c)[0])
        cx, cy = (float(np.ravel(v)[0]) for v in grid.centre(r, c))
        place = to_lonlat(crs, [cx + 4.0], [cy - 6.0])
        candidates.append(
            Candidate(
                rank=rank, retrieval_rank=7 - rank, tile_index=rank, tile_id=grid.tile_id(r, c),
                score=1.4 - 0.05 * rank, retrieval_score=0.7, match_score=0.7 - 0.05 * rank,
                probability=0.5 / 2**rank, lon=float(place[0][0]), lat=float(place[1][0]),
                heading_deg=None, polygon=tuple(LonLat(*p) for p in parts[0][0]),
            )
        )  # fmt: skip
    cell = 72.0 / 128
    left, top = np.floor((x - 90) / cell) * cell, np.ceil((y + 90) / cell) * cell
    size = 320
    xs = left + (np.arange(size) + 0.5) * cell
    ys = top - (np.arange(size) + 0.5) * cell
    peak = np.exp(-((xs[None] - x) ** 2 + (ys[:, None] - y) ** 2) / (2 * 6.0**2))
    second = np.exp(-((xs[None] - x - 50) ** 2 + (ys[:, None] - y + 40) ** 2) / (2 * 4.0**2))
    mass = peak / peak.sum() * 0.7 + second / second.sum() * 0.2
    mass[mass < 1e-9] = 0.0
    regions = []
    for level, radius in ((0.5, 7.0), (0.9, 14.0)):
        angle = np.linspace(0, 2 * np.pi, 33)
        ring = to_lonlat(crs, x + radius * np.cos(angle), y + radius * np.sin(angle))
        hole = to_lonlat(crs, x + np.cos(-angle), y + np.sin(-angle))
        polygon = cut_antimeridian(np.stack(ring, -1), [np.stack(hole, -1)])
        polygons = tuple(tuple(tuple(LonLat(*p) for p in r) for r in rings) for rings in polygon)
        regions.append(CredibleRegion(level, float(np.pi * radius**2), polygons))
    metadata = PhotoMetadata(
        width_px=4000, height_px=2000, projection=Projection.EQUIRECTANGULAR, heading_deg=123.4,
        fov_deg=360.0, exif_lon=(lon + 180.0004) % 360 - 180, exif_lat=lat,
        taken_at="2025-06-01T12:00:00",
        camera="Maker Model" + hostile,
        sources={"heading_deg": "XMP GPano:PoseHeadingDegrees", "exif_lon": "EXIF" + hostile,
                 "projection": "XMP GPano", "fov_deg": "XMP GPano"},
        warnings=("EXIF GPSImgDirection ignored" + hostile,),
    )  # fmt: skip
    result = LocalizationResult(
        metadata=metadata,
        view=GroundView(picture(48, 256, 5), np.ones(256, bool), 0.0, 123.4),
        estimate=Estimate(lon, lat, 0.62, 7.1, 15.3, 123.4, None, Verdict.LOCATED,
                          Confidence.STRONG),
        candidates=tuple(candidates),
        regions=tuple(regions),
        posterior=Posterior(mass.astype(np.float32), crs, float(left), float(top), cell, 0.1),
        provenance=Provenance(
            photo="street" + hostile + ".jpg", photo_sha256="ab" * 32, index_id="cd" * 32,
            index_version=1, model="unifygeo-lite0", weights_sha256="ef" * 32,
            software="cvgl 0.1.0", created_at="2025-06-02T10:00:00+00:00",
            settings={"depth": "50", "note": hostile},
        ),
        exif_distance_m=30.2,
    )  # fmt: skip
    bounds = Bounds(float(left), float(top) - size * cell, float(left) + size * cell, float(top))
    tiles = np.stack([picture(128, 128, i) for i in range(6)])
    return Case(result, picture(300, 600), tiles, picture(size, size, 9), bounds, (x, y))


@pytest.fixture
def case() -> Case:
    return make_case()


@pytest.fixture
def make() -> Callable[..., Case]:
    """Give the maker itself: test files cannot import one another."""
    return make_case


@pytest.fixture
def make_sight() -> Callable[..., Sight]:
    """Give the maker of a close look at the estimate of a case, or at another candidate."""

    def make(
        case: Case, match: ColumnMatch | None, heading_deg: float | None = 0.0, rank: int = 1
    ) -> Sight:
        estimate = case.result.estimate
        return Sight(
            candidate=case.result.candidates[rank - 1],
            place=LonLat(estimate.lon, estimate.lat),
            heading_deg=heading_deg,
            imagery=BaseMap(case.basemap, case.bounds),
            covered=np.ones(case.basemap.shape[:2], np.bool_),
            crs=case.result.posterior.crs,
            reach_m=50.0,
            match=match,
        )

    return make
