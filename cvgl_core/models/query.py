"""A described view under every heading that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.types import Float32Array


@dataclass(frozen=True)
class QueryFeatures:
    """A view, described as it is and turned to the right by parts of a descriptor column.

    A *roll* counts steps of ``1 / S`` column: roll ``r`` means that the view's centre looks
    ``r * 360 / (n * S)`` degrees further clockwise than its label says. Whole columns are a shift
    of the descriptors; the steps between were encoded one by one.

    Attributes:
        descriptors: L2-normalised global descriptors, one for each step of a column ``[S, D]``.
        columns: detailed descriptors per level ``[S, n * d_l]``, column-major; see
            ``features.GroundFeatures``.
        column_count: ``n``.
        azimuth_channels: of each column in the tail of the global descriptor.
        weights: share of each column that is seen ``[S, n]``; None for full circles.
    """

    descriptors: Float32Array
    columns: tuple[Float32Array, ...]
    column_count: int
    azimuth_channels: int = 0
    weights: Float32Array | None = None

    @property
    def descriptor(self) -> Float32Array:
        """Global descriptor of the view as it is ``[D]``."""
        first: Float32Array = self.descriptors[0]
        return first

    def descriptors_at(self, rolls: Sequence[int]) -> Float32Array:
        """Global descriptors of the turned view ``[R, D]``."""
        tail = self.column_count * self.azimuth_channels
        content = self.descriptors.shape[1] - tail
        turned = self._turned(self.descriptors[:, content:], rolls)
        steps = np.asarray(rolls, dtype=np.int64) % len(self.descriptors)
        return np.concatenate([self.descriptors[steps, :content], turned], axis=1)

    def columns_at(self, level: int, rolls: Sequence[int]) -> Float32Array:
        """Detailed descriptors of the turned view at a level ``[R, n * d_l]``."""
        return self._turned(self.columns[level], rolls)

    def weights_at(self, rolls: Sequence[int]) -> Float32Array | None:
        """Weights of the turned view's columns ``[R, n]``."""
        return None if self.weights is None else self._turned(self.weights, rolls)

    def _turned(self, values: Float32Array, rolls: Sequence[int]) -> Float32Array:
        """Shift column-major values ``[S, n * d]`` by whole columns, each step by its own."""
        turns, steps = np.divmod(np.asarray(rolls, dtype=np.int64), len(self.descriptors))
        width = values.shape[1] // self.column_count
        place = np.arange(values.shape[1])
        source = (place[None, :] - turns[:, None] * width) % max(1, values.shape[1])
        turned: Float32Array = values[steps[:, None], source]
        return turned
