"""What will be cut: a grid for the area, its blocks of tiles, and a name for each block.

Everything here follows from the rasters' facts and the settings, so the same input gives the same
plan anywhere. A block's name holds a hash of all that decides its content; work that is already on
the disk under that name need not be done again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from cvgl_core.errors import EmptyCoverageError, SettingsError
from cvgl_core.geo import TileGrid, is_metric
from cvgl_core.geo.area import to_grid
from cvgl_core.index import MapRecord, digest_of
from cvgl_core.types import Bounds, IntArray, ModelCard, Precision, Progress, Runtime, no_progress
from tiling.raster.info import RasterInfo
from tiling.sources.coverage import check_area, outline_of, zone_of
from tiling.sources.fingerprint import fingerprint
from tiling.sources.survey import Skipped

_LOG = logging.getLogger(__name__)
BLOCK_TILES = 16
"""Blocks are squares of this many tiles: the unit of reading, of storing and of resuming."""

_STRIP_BLOCKS = 4
_CUT_VERSION = 5
_COARSE = 4.0
_TRUNK_STEP_PX = 16
_PLAN_SLACK = 0.02
_JPEG_BYTES = 0.5


@dataclass(frozen=True)
class CutSettings:
    """How to cut: all that decides the tiles besides the rasters and the model.

    Attributes:
        tile_size_m: side of a tile on the ground; the model's if None.
        overlap: share that neighbouring tiles have in common, along each axis.
        min_valid: share of a tile that must show picture. At a quarter, every valid place of a
            rectangular raster lies in some tile, corners included.
        area: only tiles whose central part touches this area in degrees; all if None.
        crs: metric CRS of the grid; the UTM zone of the centre if None.
        skipped: sources that could not be used, for the record.
        jpeg: whether the imagery is stored as JPEG.
        thumbnails: whether a small copy of it is stored, too.
    """

    tile_size_m: float | None = None
    overlap: float = 0.5
    min_valid: float = 0.25
    area: BaseGeometry | None = None
    crs: str | None = None
    skipped: tuple[Skipped, ...] = ()
    jpeg: bool = False
    thumbnails: bool = False


@dataclass(frozen=True)
class Block:
    """Neighbouring tiles that are read, described and stored together.

    Attributes:
        name: folder name, ``r<row>c<col>-<hash of all that decides its content>``.
        rows: tile rows ``[N]``.
        cols: tile columns ``[N]``.
        sources: positions of the rasters that reach it, in order of precedence.
        window_px: top, left, height, width on the lattice of the grid.
    """

    name: str
    rows: IntArray
    cols: IntArray
    sources: tuple[int, ...]
    window_px: tuple[int, int, int, int]

    @property
    def turn(self) -> tuple[int, int, int]:
        """Where it comes in the order of reading: down strips a few blocks wide.

        What neighbours share of the imagery then stays in a small memory, however wide the area.
        """
        row, col = int(self.rows[0]) // BLOCK_TILES, int(self.cols[0]) // BLOCK_TILES
        return col // _STRIP_BLOCKS, row, col


@dataclass(frozen=True)
class Plan:
    """All that will be cut.

    Attributes:
        grid: where tiles lie.
        aerial_px: side of a tile in pixels.
        stride_px: distance of neighbouring tiles in pixels.
        rasters: sources, first wins.
        fingerprints: of their contents.
        blocks: by row and column of blocks.
        area_m2: what is covered.
        index_id: hash of everything above and of the model.
        maps: shape of the detailed maps that are kept, None for none.
        precision: that the model computes in.
        shared_trunk: hash of what lets overlapping tiles share the model's trunk; empty if they
            do not.
        jpeg: whether the imagery is stored as JPEG.
        thumbnails: whether a small copy of it is stored, too.
        runtime: that the model is computed by.
    """

    grid: TileGrid
    aerial_px: int
    stride_px: int
    rasters: tuple[RasterInfo, ...]
    fingerprints: tuple[str, ...]
    blocks: tuple[Block, ...]
    area_m2: float
    index_id: str
    maps: MapRecord | None = None
    precision: Precision = "float32"
    shared_trunk: str = ""
    jpeg: bool = False
    thumbnails: bool = False
    runtime: Runtime = "torch"

    @property
    def gsd_m_per_px(self) -> float:
        """Ground resolution of what is cut."""
        return self.grid.tile_size_m / self.aerial_px

    @property
    def tile_count(self) -> int:
        """Number of tiles, before those with too little picture are left out."""
        return sum(len(block.rows) for block in self.blocks)

    def stored_bytes(self, descriptor_dim: int) -> int:
        """Return about how large the index will be."""
        pixels = sum(block.window_px[2] * block.window_px[3] for block in self.blocks)
        bytes_ = pixels * (_JPEG_BYTES if self.jpeg else 3.125)
        bytes_ += self.tile_count * (2 * descriptor_dim + 28)
        if self.maps is not None:
            bytes_ += self.tile_count * self.maps.tile_bytes
            bytes_ += len(self.blocks) * self.maps.basis_bytes
        return int(bytes_)


def make_plan(
    rasters: Sequence[RasterInfo],
    card: ModelCard,
    settings: CutSettings,
    progress: Progress = no_progress,
    maps: MapRecord | None = None,
    precision: Precision = "float32",
    shared_trunk: str = "",
    runtime: Runtime = "torch",
    prints: tuple[str, ...] | None = None,
) -> Plan:
    """Return what to cut from ``rasters`` for the model of ``card``.

    Args:
        rasters: where they overlap, the first wins.
        card: of the model.
        settings: how to cut.
        progress: told of the bytes that are read for fingerprints.
        maps: shape of the detailed maps to keep, None for none.
        precision: that the model computes in.
        shared_trunk: hash of what lets overlapping tiles share the model's trunk; empty if they
            do not.
        runtime: that the model is computed by.
        prints: fingerprints of the rasters, if they are known.

    Raises:
        SettingsError: the grid does not fit the model, or the CRS does not fit the area.
        EmptyCoverageError: no tile fits the rasters and the area.
    """
    if not rasters:
        raise EmptyCoverageError("no raster was given")
    crs = settings.crs or zone_of(rasters, settings.area)
    grid, stride_px = _grid(crs, card, settings)
    gsd = grid.tile_size_m / card.aerial_px
    _warn_if_coarse(rasters, gsd)
    wanted = None if settings.area is None else to_grid(settings.area, crs)
    outlines = tuple(outline_of(raster, crs, wanted) for raster in rasters)
    area = shapely.union_all(outlines)
    area = area if wanted is None else area.intersection(wanted)
    check_area(rasters, area, grid)
    if prints is None:
        prints = tuple(fingerprint(raster, progress) for raster in rasters)
    facts = tuple(_facts(raster, print_) for raster, print_ in zip(rasters, prints, strict=True))
    if shared_trunk and (stride_px % _TRUNK_STEP_PX or card.aerial_px % _TRUNK_STEP_PX):
        _LOG.warning("tiles %d px apart cannot share the network's trunk", stride_px)
        shared_trunk = ""
    common = _common_facts(grid, card, settings, maps)
    common |= {"precision": precision, "shared_trunk": shared_trunk}
    common |= {} if runtime == "torch" else {"runtime": runtime}
    layout = _Layout(
        grid, stride_px, card.aerial_px, area, wanted is not None, shapely.STRtree(outlines),
        settings.min_valid, common, facts,
    )  # fmt: skip
    blocks = tuple(layout.blocks())
    if not blocks:
        raise EmptyCoverageError(
            f"{rasters[0].path}: no tile of {grid.tile_size_m:g} m fits its outline and the area "
            "asked for; give a larger raster or area, or lower --min-valid"
        )
    return Plan(
        grid=grid,
        aerial_px=card.aerial_px,
        stride_px=stride_px,
        rasters=tuple(rasters),
        fingerprints=prints,
        blocks=blocks,
        area_m2=float(area.area),
        index_id=digest_of(_identity(common, facts, blocks, settings.skipped))[:32],
        maps=maps,
        precision=precision,
        shared_trunk=shared_trunk,
        jpeg=settings.jpeg,
        thumbnails=settings.thumbnails,
        runtime=runtime,
    )


def _grid(crs: str, card: ModelCard, settings: CutSettings) -> tuple[TileGrid, int]:
    """Return the grid, and its stride in pixels of the model."""
    size_m = settings.tile_size_m or card.tile_size_m
    stride = card.aerial_px * (1.0 - settings.overlap)
    whole = 0.0 <= settings.overlap < 1.0 and abs(stride - round(stride)) < 1e-9
    if not whole or round(stride) < 1:
        raise SettingsError(
            f"an overlap of {settings.overlap} is not a whole number of the model's "
            f"{card.aerial_px} pixels; 0.5 always is"
        )
    if not (0.0 < size_m < 1e5 and 0.0 < settings.min_valid <= 1.0):
        raise SettingsError(
            f"a tile side of {size_m} m or a valid share of {settings.min_valid} is impossible"
        )
    if abs(size_m - card.tile_size_m) > 1e-6:
        _LOG.warning(
            "%s was trained on tiles of %g m, not %g m", card.name, card.tile_size_m, size_m
        )
    if not is_metric(crs):
        raise SettingsError(f"{crs}: is not a projected CRS in metres, such as EPSG:32633")
    return TileGrid(crs, size_m, size_m * round(stride) / card.aerial_px), round(stride)


def _warn_if_coarse(rasters: Sequence[RasterInfo], gsd: float) -> None:
    """Say in the log when a raster shows too little detail for the model."""
    for raster in rasters:
        if raster.gsd_m_per_px > _COARSE * gsd:
            _LOG.warning(
                "%s: has %.2g m a pixel, the model wants %.2g m; expect poor matches",
                raster.path,
                raster.gsd_m_per_px,
                gsd,
            )


def _common_facts(
    grid: TileGrid, card: ModelCard, settings: CutSettings, maps: MapRecord | None
) -> dict[str, Any]:
    """Return what decides every block besides the rasters, for hashing."""
    facts = {
        "version": _CUT_VERSION,
        "crs": grid.crs,
        "size_m": grid.tile_size_m,
        "stride_m": grid.stride_m,
        "aerial_px": card.aerial_px,
        "mean_rgb": list(card.mean_rgb),
        "min_valid": settings.min_valid,
        "model": card.name,
        "weights": card.weights_sha256 or "",
        "dim": card.descriptor_dim,
        "maps": None if maps is None else maps.model_dump(),
    }
    facts |= {"imagery": "jpeg"} if settings.jpeg else {}
    return facts | ({"thumbnails": True} if settings.thumbnails else {})


def _facts(raster: RasterInfo, print_: str) -> dict[str, Any]:
    """Return what decides what is stored of a raster, for hashing."""
    facts = {
        "fingerprint": print_,
        "crs": raster.crs,
        "transform": list(raster.transform),
        "bands": list(raster.bands),
        "nodata": repr(raster.nodata),
        "stretch": [list(limits) for limits in raster.stretch],
    }
    return facts | ({"acquired": raster.acquired} if raster.acquired else {})


def _identity(
    common: dict[str, Any],
    facts: Sequence[dict[str, Any]],
    blocks: Sequence[Block],
    skipped: Sequence[Skipped],
) -> list[Any]:
    """Return all that decides an index, for hashing."""
    names = [[one.name for one in skipped]] if skipped else []
    return [common, list(facts), [block.name for block in blocks], *names]


@dataclass(frozen=True)
class _Layout:
    """What blocks follow from."""

    grid: TileGrid
    stride_px: int
    aerial_px: int
    area: BaseGeometry
    asked: bool
    tree: shapely.STRtree
    min_valid: float
    common: dict[str, Any]
    facts: tuple[dict[str, Any], ...]

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks that hold a tile, by row and column."""
        left, bottom, right, top = self.area.bounds
        span = self.grid.covering(Bounds(left, bottom, right, top))
        shapely.prepare(self.area)
        for row in range(span.row_start // BLOCK_TILES, -(-span.row_stop // BLOCK_TILES)):
            for col in range(span.col_start // BLOCK_TILES, -(-span.col_stop // BLOCK_TILES)):
                rows, cols = self._tiles(row, col)
                if len(rows):
                    yield self._block(row, col, rows, cols)

    def _block(self, block_row: int, block_col: int, rows: IntArray, cols: IntArray) -> Block:
        """Return a block with its name."""
        window = (
            int(rows.min()) * self.stride_px,
            int(cols.min()) * self.stride_px,
            int(np.ptp(rows)) * self.stride_px + self.aerial_px,
            int(np.ptp(cols)) * self.stride_px + self.aerial_px,
        )
        reach = shapely.box(*_metres(window, self.grid.tile_size_m / self.aerial_px))
        sources = tuple(sorted(self.tree.query(reach, predicate="intersects").tolist()))
        content = [self.common, [self.facts[i] for i in sources], rows.tolist(), cols.tolist()]
        name = f"r{block_row}c{block_col}-{digest_of(content)[:16]}"
        return Block(name, rows, cols, sources, window)

    def _tiles(self, block_row: int, block_col: int) -> tuple[IntArray, IntArray]:
        """Return rows and columns of the tiles of a block that the area covers well enough."""
        inner = np.indices((BLOCK_TILES, BLOCK_TILES)).reshape(2, -1)
        rows, cols = inner[0] + BLOCK_TILES * block_row, inner[1] + BLOCK_TILES * block_col
        squares = _squares(self.grid, rows, cols, self.grid.tile_size_m / 2.0)
        hull = shapely.box(*shapely.total_bounds(squares))
        if not shapely.intersects(self.area, hull):
            return rows[:0], cols[:0]
        if shapely.contains_properly(self.area, hull):
            return rows, cols
        if self.asked:
            centres = _squares(self.grid, rows, cols, self.grid.stride_m / 2.0)
            keep = shapely.intersects(centres, self.area)
        else:
            near = shapely.intersection(self.area, hull)  # once: the area may have many corners
            shared = shapely.area(shapely.intersection(squares, near))
            share = np.round(shared / self.grid.tile_size_m**2, 6)  # the same on any machine
            keep = share >= max(round(self.min_valid - _PLAN_SLACK, 6), 1e-6)
        return rows[keep], cols[keep]


def _squares(grid: TileGrid, rows: IntArray, cols: IntArray, half_m: float) -> NDArray[Any]:
    """Return squares round the centres of tiles."""
    x_m, y_m = grid.centre(rows, cols)
    squares: NDArray[Any] = shapely.box(x_m - half_m, y_m - half_m, x_m + half_m, y_m + half_m)
    return squares


def _metres(window_px: tuple[int, int, int, int], gsd: float) -> tuple[float, float, float, float]:
    """Return left, bottom, right, top in metres of a window of the lattice."""
    top, left, height, width = window_px
    return left * gsd, -(top + height) * gsd, (left + width) * gsd, -top * gsd
