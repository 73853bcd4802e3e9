"""A network for evaluation: pixels in, features of a whole batch out, which stay on its device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from cvgl_core.models import AerialFeatures, Engine, GroundFeatures, QueryFeatures
from cvgl_core.types import GroundView, UInt8Array

_BATCH = {"cpu": 32, "cuda": 256}


class Network:
    """An engine's network, asked for features instead of answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.card = engine.card
        self.device = engine.device
        self.model = engine.model
        self._batch = _BATCH[engine.device.type]
        self._mean = torch.tensor(self.card.mean_rgb, device=self.device).view(1, 3, 1, 1)
        self._std = torch.tensor(self.card.std_rgb, device=self.device).view(1, 3, 1, 1)

    @torch.inference_mode()
    def tiles(self, rgb: UInt8Array) -> AerialFeatures:
        """Describe tiles ``[n, p, p, 3]``."""
        parts = [self.model.forward_aerial(x) for x in self._batches(rgb)]
        levels = zip(*(part.maps for part in parts), strict=True)
        return AerialFeatures(
            torch.cat([part.descriptor for part in parts]),
            tuple(torch.cat(level) for level in levels),
        )

    @torch.inference_mode()
    def views(self, rgb: UInt8Array) -> GroundFeatures:
        """Describe strips ``[n, h, w, 3]`` that show the full circle, north in the middle."""
        parts = [self.model.forward_ground(x) for x in self._batches(rgb)]
        levels = zip(*(part.columns for part in parts), strict=True)
        return GroundFeatures(
            torch.cat([part.descriptor for part in parts]),
            tuple(torch.cat(level) for level in levels),
            self.card.ground_columns,
        )

    def query(self, view: GroundView, headings: int) -> QueryFeatures:
        """Describe one view as ``locate`` does, see ``Engine.describe_view``."""
        return self._engine.describe_view(view, headings)

    @torch.inference_mode()
    def best_match(self, columns0: Tensor, maps0: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return ``max M^0`` ``[Q, T]`` of all views ``[Q, C]`` with all tiles ``[T, C, h, w]``.

        ``weights [Q, n]`` are those of the views' columns.
        """
        return self.model.match_level0(columns0, maps0, weights).amax(dim=(2, 3))

    @torch.inference_mode()
    def decode(
        self,
        columns: tuple[Tensor, ...],
        maps: tuple[Tensor, ...],
        weights: Tensor | None = None,
    ) -> Tensor:
        """Return the logits of one camera per pixel of each tile ``[n, p, p]``; see ``Engine``.

        Args:
            columns: of the view, ``[C_l]`` per level, or ``[n, C_l]`` turned for each tile.
            maps: of the tiles, ``[n, C_l, h_l, w_l]`` per level.
            weights: of the views' columns ``[n, columns]``.
        """
        count = len(maps[0])
        repeated = tuple(column.expand(count, -1) for column in columns)
        view = GroundFeatures(repeated[0], repeated, self.card.ground_columns, weights)
        return self.model.match(view, AerialFeatures(repeated[0], maps)).logits

    def _batches(self, rgb: UInt8Array) -> Iterator[Tensor]:
        for start in range(0, len(rgb), self._batch):
            pixels = torch.from_numpy(np.array(rgb[start : start + self._batch])).to(self.device)
            scaled = pixels.permute(0, 3, 1, 2).float() / 255.0
            normal = (scaled - self._mean) / self._std
            yield normal.contiguous(memory_format=torch.channels_last)
