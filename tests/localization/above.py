"""Painted ground, an index that shows it, and photos of it from above."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from cvgl_core.geo import TileGrid, convergence_deg, to_lonlat
from cvgl_core.photo.camera import Camera
from cvgl_core.photo.overhead import Overhead, ground_of, turned_by
from cvgl_core.types import Bounds, GroundSpec, ModelCard, Photo, PhotoMetadata, Projection

PX = 64
CRS = "EPSG:32633"
CARD = ModelCard(
    name="fake",
    parameters=1,
    tile_size_m=72.0,
    aerial_px=PX,
    ground=GroundSpec(12, 64, 37.5, -30.0),
    mean_rgb=(0.5, 0.5, 0.5),
    std_rgb=(0.2, 0.2, 0.2),
    descriptor_dim=8,
    ground_columns=16,
    weights_sha256="ab" * 32,
)


def painted_ground(side_px: int, seed: int) -> np.ndarray:
    """Rectangles and discs of many colours: what every place can be told by."""
    rng = np.random.default_rng(seed)
    rgb = np.full((side_px, side_px, 3), 110, np.uint8)
    for _ in range(side_px * side_px // 180):
        colour = tuple(int(value) for value in rng.integers(20, 235, 3))
        x, y = (int(value) for value in rng.integers(0, side_px, 2))
        size = tuple(float(value) for value in rng.uniform(3, 14, 2))
        box = cv2.boxPoints(((x, y), size, float(rng.uniform(0, 90)))).astype(np.int32)
        cv2.fillPoly(rgb, [box], colour)
    return rgb


@dataclass
class PaintedIndex:
    """``side`` x ``side`` tiles of painted ground; pixels of 1.125 m."""

    side: int = 4
    seed: int = 1
    x_m: float = 36.0 * 13_900
    y_m: float = 36.0 * 138_900
    grid: TileGrid = field(init=False)

    def __post_init__(self) -> None:
        self.grid = TileGrid(CRS, 72.0, 36.0)
        self.gsd_m = 72.0 / PX
        self.rgb = painted_ground((self.side + 1) * PX // 2, self.seed)
        rows, cols = np.mgrid[: self.side, : self.side]
        self.rows = (rows.ravel() - round(self.y_m / 36.0)).astype(np.int32)
        self.cols = (cols.ravel() + round(self.x_m / 36.0)).astype(np.int32)
        self.descriptors = np.eye(8, dtype=np.float32)[np.arange(rows.size) % 8]
        self.manifest = SimpleNamespace(
            index_id="0" * 32, version=1, model="fake", weights_sha256=CARD.weights_sha256
        )
        self.searches = 0

    @property
    def members(self) -> tuple[PaintedIndex]:
        return (self,)

    def member_of(self, tile: int) -> tuple[PaintedIndex, int]:
        return self, tile

    def tile_id(self, tile: int) -> str:
        return self.grid.tile_id(int(self.rows[tile]), int(self.cols[tile]))

    def search(self, descriptors, k, where=None):  # type: ignore[no-untyped-def]
        self.searches += 1
        scores = descriptors @ self.descriptors.T
        if where is not None:
            scores[:, ~where] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return SimpleNamespace(indices=order, scores=np.take_along_axis(scores, order, 1))

    def mosaic(self, bounds: Bounds, step: int = 1) -> tuple[np.ndarray, np.ndarray]:
        assert step == 1
        top = int(np.floor((self.y_m - bounds.top_m) / self.gsd_m))
        left = int(np.floor((bounds.left_m - self.x_m) / self.gsd_m))
        bottom = int(np.ceil((self.y_m - bounds.bottom_m) / self.gsd_m))
        right = int(np.ceil((bounds.right_m - self.x_m) / self.gsd_m))
        rows, cols = np.mgrid[top:bottom, left:right]
        side = len(self.rgb)
        valid = (rows >= 0) & (rows < side) & (cols >= 0) & (cols < side)
        return self.rgb[rows.clip(0, side - 1), cols.clip(0, side - 1)], valid

    def place(self, east_m: float, south_m: float) -> tuple[float, float]:
        """lon, lat of a place counted from the north-west corner of the ground."""
        lon, lat = to_lonlat(CRS, [self.x_m + east_m], [self.y_m - south_m])
        return float(lon[0]), float(lat[0])


class MeanColours:
    """An engine that describes a tile by what it is told."""

    card = CARD

    def encode_tiles(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert rgb.shape[1:] == (PX, PX, 3)
        return np.eye(8, dtype=np.float32)[np.zeros(len(rgb), int)], np.zeros((len(rgb), 1, 1, 1))


def photo_from_above(
    index: PaintedIndex,
    east_m: float,
    south_m: float,
    *,
    heading_deg: float,
    pitch_deg: float = -90.0,
    height_m: float = 50.0,
    stated_deg: float | None = None,
    noise: float = 6.0,
) -> Photo:
    """What a drone at a place sees; ``heading_deg`` is from true north, as ``stated_deg``."""
    lon, lat = index.place(east_m, south_m)
    camera = Camera.pinhole(320, 200, 75.0, pitch_deg, 0.0)
    view = Overhead(camera, height_m, None)
    y, x = np.mgrid[:200, :320] + 0.5
    ground = np.stack(ground_of(view, x, y), axis=-1)
    east_north = turned_by(ground, heading_deg - convergence_deg(CRS, lon, lat))
    u = (east_m + east_north[..., 0]) / index.gsd_m - 0.5
    v = (south_m - east_north[..., 1]) / index.gsd_m - 0.5
    rgb = cv2.remap(
        index.rgb,
        u.astype(np.float32),
        v.astype(np.float32),
        cv2.INTER_LINEAR,
        borderValue=(90,) * 3,
    )
    rng = np.random.default_rng(5)
    rgb = np.clip(0.8 * rgb + 15 + rng.normal(0, noise, rgb.shape), 0, 255).astype(np.uint8)
    meta = PhotoMetadata(
        320,
        200,
        Projection.PERSPECTIVE,
        heading_deg=stated_deg,
        fov_deg=75.0,
        pitch_deg=pitch_deg,
        roll_deg=0.0,
        height_m=height_m,
        exif_lon=lon,
        exif_lat=lat,
        sources={"pitch_deg": "XMP drone-dji:GimbalPitchDegree"},
    )
    return Photo(Path("drone.jpg"), "0" * 64, rgb, meta)
