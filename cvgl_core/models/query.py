"""A described view under every heading that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.types import Float32Array


@dataclass(frozen=True)
class QueryFeatures:
    """A view, described as it is and turned to the right by equal parts of the circle.

    A *roll* counts those parts: roll ``r`` of ``H`` means that the view's centre looks
    ``r * 360 / H`` degrees further clockwise than its label says.

    Attributes:
        descriptors: L2-normalised global descriptors ``[H, D]``.
        columns: detailed descriptors per level ``[H, n * d_l]``, column-major; see
            ``features.GroundFeatures``.
        weights: share of each column that is seen ``[H, n]``; None for full circles.
    """

    descriptors: Float32Array
    columns: tuple[Float32Array, ...]
    weights: Float32Array | None = None

    @property
    def descriptor(self) -> Float32Array:
        """Global descriptor of the view as it is ``[D]``."""
        first: Float32Array = self.descriptors[0]
        return first

    def descriptors_at(self, rolls: Sequence[int]) -> Float32Array:
        """Global descriptors of the turned view ``[R, D]``."""
        return self.descriptors[np.asarray(rolls, dtype=np.int64)]

    def columns_at(self, level: int, rolls: Sequence[int]) -> Float32Array:
        """Detailed descriptors of the turned view at a level ``[R, n * d_l]``."""
        return self.columns[level][np.asarray(rolls, dtype=np.int64)]

    def weights_at(self, rolls: Sequence[int]) -> Float32Array | None:
        """Weights of the turned view's columns ``[R, n]``."""
        return None if self.weights is None else self.weights[np.asarray(rolls, dtype=np.int64)]
