"""The gallery as the network sees it, within a bound of memory whatever its size."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvgl_core.evaluation.evalset import EvalSet, tiles_at
from cvgl_core.evaluation.network import Network
from cvgl_core.types import Float32Array, IntArray, Progress, no_progress

MAPS_BYTES = 1_000_000_000
"""Memory that the maps of a gallery may take; what does not fit is made again when needed."""

_CHUNK = 256


class TileStore:
    """All descriptors of a gallery, and its maps as far as they fit.

    Maps are kept in 16 bits: all four levels if they fit, else level 0 alone, which re-ranking
    needs, else none.

    Attributes:
        descriptors: L2-normalised ``[N, D]``, in 16 bits as an index keeps them.
        kept_levels: 4, 1 or 0.
        tile_px: side of a tile and of its heatmap.
    """

    def __init__(
        self,
        data: EvalSet,
        network: Network,
        maps_bytes: int = MAPS_BYTES,
        progress: Progress = no_progress,
    ) -> None:
        """Describe every tile once, a chunk at a time."""
        self._data = data
        self._network = network
        self.tile_px = network.card.aerial_px
        count = len(data.tile_side_m)
        self.descriptors: NDArray[np.float16] = np.empty(
            (count, network.card.descriptor_dim), np.float16
        )
        self._maps: list[Tensor] = []
        for start in range(0, count, _CHUNK):
            progress("describing tiles", start, count)
            stop = min(start + _CHUNK, count)
            features = network.tiles(data.tiles(start, stop))
            self.descriptors[start:stop] = features.descriptor.float().cpu().numpy()
            if start == 0:
                self._maps = _room(features.maps, count, maps_bytes)
            for kept, level in zip(self._maps, features.maps, strict=False):
                kept[start:stop] = level.half()
        self.kept_levels = len(self._maps)
        progress("describing tiles", count, count)

    def match(self, columns0: Tensor, candidates: IntArray) -> Float32Array:
        """Return ``max M^0`` of views ``[Q, C]`` with their candidates ``[Q, K]``: ``[Q, K]``.

        Every tile that is anyone's candidate is matched with all views at once: one large product
        is far faster than many small ones.
        """
        tiles, places = np.unique(candidates, return_inverse=True)
        best = np.empty((len(candidates), len(tiles)), np.float32)
        for start in range(0, len(tiles), _CHUNK):
            part = tiles[start : start + _CHUNK]
            scores = self._network.best_match(columns0, self.maps(part, levels=1)[0])
            best[:, start : start + len(part)] = scores.float().cpu().numpy()
        return np.take_along_axis(best, places.reshape(candidates.shape), axis=1)

    def decode(
        self, columns: tuple[Tensor, ...], tiles: IntArray, weights: Tensor | None = None
    ) -> Float32Array:
        """Return the logits of one camera per pixel of tiles: ``[n, p, p]``.

        Args:
            columns: of the view, ``[C_l]`` per level, or ``[n, C_l]`` turned for each tile.
            tiles: numbers ``[n]``.
            weights: of the view's columns, turned for each tile ``[n, columns]``.
        """
        if not len(tiles):
            return np.zeros((0, self.tile_px, self.tile_px), np.float32)
        return self._network.decode(columns, self.maps(tiles), weights).float().cpu().numpy()

    def maps(self, tiles: IntArray, levels: int = 4) -> tuple[Tensor, ...]:
        """Return the maps of tiles, level 0 first, ``[n, C_l, h_l, w_l]`` each."""
        if levels <= self.kept_levels:
            chosen = torch.from_numpy(tiles).to(self._network.device)
            return tuple(level[chosen].float() for level in self._maps[:levels])
        return self._network.tiles(tiles_at(self._data, tiles)).maps[:levels]


def _room(maps: tuple[Tensor, ...], count: int, limit_bytes: int) -> list[Tensor]:
    """Return empty 16-bit maps for the whole gallery, for as many levels as fit."""
    for levels in (len(maps), 1):
        per_tile = sum(level[0].numel() for level in maps[:levels])
        if 2 * per_tile * count <= limit_bytes:
            return [
                level.new_empty((count, *level.shape[1:]), dtype=torch.half)
                for level in maps[:levels]
            ]
    return []
