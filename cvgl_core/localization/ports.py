"""What locating needs of an index and of a network, and no more: both can be replaced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cvgl_core.geo import TileGrid
from cvgl_core.index import ReducedMaps, Rows
from cvgl_core.types import BoolArray, Bounds, Float32Array, GroundView, ModelCard, UInt8Array


class Found(Protocol):
    """Nearest tiles of queries: indices and cosines, ``[Q, k]`` each, best first."""

    @property
    def indices(self) -> NDArray[np.int64]:
        """Tiles."""

    @property
    def scores(self) -> Float32Array:
        """Cosines."""


class TileManifest(Protocol):
    """What an index says of itself."""

    @property
    def index_id(self) -> str:
        """Hash of its content."""

    @property
    def version(self) -> int:
        """Number of the version that was opened."""

    @property
    def model(self) -> str:
        """Name of the model that described it."""

    @property
    def weights_sha256(self) -> str | None:
        """Hash of the weights that described it."""


class TileMember(Protocol):
    """An index of one tile grid."""

    @property
    def grid(self) -> TileGrid:
        """Where tiles lie."""

    @property
    def rows(self) -> NDArray[np.int32]:
        """Grid rows ``[N]``."""

    @property
    def cols(self) -> NDArray[np.int32]:
        """Grid columns ``[N]``."""


class DatedTiles(TileMember, Protocol):
    """An index of one tile grid that knows when its imagery was taken."""

    @property
    def acquired(self) -> NDArray[np.str_]:
        """Days on which the imagery of tiles was taken, ISO 8601 ``[N]``; empty if not known."""


class TileIndex(Protocol):
    """Described tiles of an area; see ``cvgl_core.index.Index``."""

    @property
    def manifest(self) -> TileManifest:
        """Facts."""

    @property
    def grid(self) -> TileGrid:
        """Where tiles lie; of several sizes the smallest."""

    @property
    def rows(self) -> NDArray[np.int32]:
        """Rows ``[N]`` in the grids of the members."""

    @property
    def cols(self) -> NDArray[np.int32]:
        """Columns ``[N]`` in the grids of the members."""

    @property
    def members(self) -> Sequence[DatedTiles]:
        """Indexes of one grid each, whose tiles are numbered one after the other."""

    def member_of(self, tile: int) -> tuple[TileMember, int]:
        """Return the member that a tile is from, and its number there."""

    @property
    def descriptors(self) -> Rows:
        """L2-normalised ``[N, D]``."""

    def search(self, descriptors: Float32Array, k: int, where: BoolArray | None = None) -> Found:
        """Return the ``k`` nearest tiles of each query ``[Q, D]`` among those of ``where``."""

    def tile_pixels(self, indices: NDArray[np.int64]) -> UInt8Array:
        """Return the imagery of tiles ``[K, p, p, 3]``."""

    @property
    def has_maps(self) -> bool:
        """Whether tiles can be matched without their imagery."""

    def tile_maps(
        self, indices: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.intp], ReducedMaps]]:
        """Yield the detailed maps of tiles in groups: positions in ``indices``, and maps."""

    def tile_id(self, index: int) -> str:
        """Return a tile's name."""


class PicturedIndex(TileIndex, Protocol):
    """An index that shows its imagery; see ``cvgl_core.index.Index``."""

    def mosaic(self, bounds: Bounds, step: int = 1) -> tuple[UInt8Array, BoolArray]:
        """Return every ``step``-th pixel of a rectangle, and which show picture."""


class Features(Protocol):
    """A described ground view."""

    def descriptors_at(self, rolls: Sequence[int]) -> Float32Array:
        """L2-normalised descriptors of the turned view ``[R, D]``."""

    def columns_at(self, level: int, rolls: Sequence[int]) -> Float32Array:
        """Detailed descriptors of the turned view at a level ``[R, n * d_l]``, column-major."""

    def weights_at(self, rolls: Sequence[int]) -> Float32Array | None:
        """Weights of the turned view's columns ``[R, n]``; None where all count alike."""


class MatchEngine(Protocol):
    """A network; see ``cvgl_core.models.load_engine``."""

    @property
    def card(self) -> ModelCard:
        """What the weights are."""

    def describe_view(self, view: GroundView, headings: int = 1) -> Features:
        """Describe a ground view under so many evenly spaced headings."""

    def encode_tiles(self, rgb: UInt8Array) -> tuple[Float32Array, Float32Array]:
        """Return descriptors ``[N, D]`` and level-0 maps ``[N, C, h, w]`` of tiles."""

    def match_scores(
        self, query: Any, rgb: UInt8Array, rolls: Sequence[int] = (0,)
    ) -> Float32Array:
        """Return the highest level-0 cosine of tiles ``[K, p, p, 3]`` for each roll ``[K, R]``.

        ``query`` is what ``describe_view`` returned; roll ``r`` turns it to the right by ``r``
        parts of the circle.
        """

    def match_maps(
        self, query: Any, maps: ReducedMaps, rolls: Sequence[int] = (0,)
    ) -> Float32Array:
        """Return the same ``[K, R]`` from stored maps, but for rounding."""

    def decode(self, query: Any, rgb: UInt8Array, roll_per_tile: Sequence[int]) -> Float32Array:
        """Return the logits of the camera per pixel of each tile ``[K, p, p]``."""
