"""A world without a network: an index and an engine that know where the camera stands."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from cvgl_core.geo import TileGrid, from_lonlat, to_lonlat
from cvgl_core.types import (
    Calibration,
    GroundSpec,
    ModelCard,
    Photo,
    PhotoMetadata,
    Projection,
)

PX = 32
COLUMNS = 16
CARD = ModelCard(
    name="fake",
    parameters=1,
    tile_size_m=72.0,
    aerial_px=PX,
    ground=GroundSpec(12, 64, 37.5, -30.0),
    mean_rgb=(0.5, 0.5, 0.5),
    std_rgb=(0.2, 0.2, 0.2),
    descriptor_dim=8,
    ground_columns=COLUMNS,
    weights_sha256="ab" * 32,
    calibration=Calibration(temperature=0.05, outside_logit=16.0, fitted_on="nothing real"),
)


@dataclass
class FakeIndex:
    """``side`` x ``side`` tiles from (row0, col0); pixels hold the tile's number."""

    side: int = 9
    crs: str = "EPSG:32633"
    x_m: float = 500_000.0
    y_m: float = 5_000_000.0
    stride_m: float = 36.0
    weights_sha256: str | None = CARD.weights_sha256
    shuffled: int | None = None
    has_maps: bool = False
    grid: TileGrid = field(init=False)

    def __post_init__(self):
        self.grid = TileGrid(self.crs, CARD.tile_size_m, self.stride_m)
        row0, col0 = round(-self.y_m / self.stride_m), round(self.x_m / self.stride_m)
        rows, cols = np.mgrid[row0 : row0 + self.side, col0 : col0 + self.side]
        order = np.arange(rows.size)
        if self.shuffled is not None:
            np.random.default_rng(self.shuffled).shuffle(order)
        self.rows = rows.ravel()[order].astype(np.int32)
        self.cols = cols.ravel()[order].astype(np.int32)
        noise = np.random.default_rng(1).standard_normal((rows.size, 8))[order]
        noise[:, 0] *= 0.2  # the query: all tiles look about the same to it
        self.descriptors = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float16)
        self.manifest = SimpleNamespace(
            index_id="0" * 32, version=3, model="fake", weights_sha256=self.weights_sha256
        )
        self.searches = []

    @property
    def members(self):
        return (self,)

    def member_of(self, tile):
        return self, tile

    def search(self, descriptors, k, where=None):
        scores = descriptors @ self.descriptors.astype(np.float32).T
        if where is not None:
            scores[:, ~where] = -np.inf
        self.searches.append(None if where is None else np.flatnonzero(where))
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return SimpleNamespace(indices=order, scores=np.take_along_axis(scores, order, 1))

    def tile_pixels(self, indices):
        pixels = np.zeros((len(indices), PX, PX, 3), np.uint8)
        pixels[:, 0, 0, 0] = np.asarray(indices) % 256
        pixels[:, 0, 0, 1] = np.asarray(indices) // 256
        return pixels

    def tile_id(self, index):
        return self.grid.tile_id(int(self.rows[index]), int(self.cols[index]))

    def place(self, east_m, south_m):
        """lon, lat of a place counted from the north-west corner of the first tile."""
        x = self.cols.min() * self.stride_m + east_m
        y = -self.rows.min() * self.stride_m - south_m
        lon, lat = to_lonlat(self.crs, [x], [y])
        return float(lon[0]), float(lat[0])


@dataclass
class FakeEngine:
    """Knows the camera's place and grid heading; matches tiles that hold it under that heading."""

    index: FakeIndex
    lon: float
    lat: float
    heading_grid_deg: float = 0.0
    card: ModelCard = CARD
    near_score: float = 1.2
    far_score: float = 0.1
    calls: list = field(default_factory=list)
    decoded: int = 0

    def describe_view(self, view, headings=1):
        self.view, self.headings = view, headings
        descriptor = np.eye(1, 8, dtype=np.float32)
        return SimpleNamespace(descriptors_at=lambda rolls: descriptor.repeat(len(rolls), axis=0))

    def _camera_px(self, rgb):
        """Pixel (u, v) of the camera in each tile."""
        tiles = rgb[:, 0, 0, 0].astype(int) + 256 * rgb[:, 0, 0, 1].astype(int)
        x, y = from_lonlat(self.index.crs, [self.lon], [self.lat])
        left = self.index.cols[tiles] * self.index.stride_m
        top = -self.index.rows[tiles] * self.index.stride_m
        u = (x[0] - left) / CARD.tile_size_m * PX
        v = (top - y[0]) / CARD.tile_size_m * PX
        return u, v, (u > 0) & (u < PX) & (v > 0) & (v < PX)

    def match_scores(self, query, rgb, rolls=(0,)):
        self.calls.append((len(rgb), tuple(rolls)))
        u, v, inside = self._camera_px(rgb)
        # Best for the tile whose centre is nearest, lower towards the edges.
        off = np.maximum(np.abs(u - PX / 2), np.abs(v - PX / 2)) / PX
        place_score = np.where(inside, self.near_score - 0.2 * off, self.far_score)
        turned = np.radians(np.array(rolls) * 360 / self.headings - self.heading_grid_deg)
        known = self.view.centre_azimuth_deg is not None
        turn_score = np.zeros(len(rolls)) if known else 0.3 * (np.cos(turned) - 1)
        return (place_score[:, None] + turn_score[None]).astype(np.float32)

    def decode(self, query, rgb, roll_per_tile):
        self.decoded += len(rgb)
        u, v, inside = self._camera_px(rgb)
        grid = np.arange(PX) + 0.5
        spread = (grid[None, :, None] - v[:, None, None]) ** 2
        spread = spread + (grid[None, None, :] - u[:, None, None]) ** 2
        return np.where(inside[:, None, None], -0.5 * spread, 0.0).astype(np.float32)


@pytest.fixture
def fakes():
    return SimpleNamespace(Index=FakeIndex, Engine=FakeEngine, card=CARD, px=PX, columns=COLUMNS)


@pytest.fixture
def make_photo():
    def make(heading_deg=None, exif=None, projection=Projection.EQUIRECTANGULAR, fov_deg=None):
        rgb = np.random.default_rng(0).integers(0, 255, (64, 128, 3), dtype=np.uint8)
        meta = PhotoMetadata(128, 64, projection, heading_deg=heading_deg, fov_deg=fov_deg)
        if exif is not None:
            meta = replace(meta, exif_lon=exif[0], exif_lat=exif[1])
        return Photo(Path("somewhere/pano.jpg"), "cd" * 32, rgb, meta)

    return make
