"""From any type of pixel to 8 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cvgl_core.types import BoolArray, UInt8Array

PERCENTILES = (2.0, 98.0)
"""Values of other types than 8 bits between these percentiles are spread over 0 to 255."""


def limits_of(values: NDArray[Any], shown: BoolArray) -> tuple[tuple[float, float], ...]:
    """Return, per band of ``values`` ``[B, h, w]``, what becomes 0 and 255.

    Args:
        values: pixels.
        shown: which of them count ``[h, w]``; at least one.
    """
    limits = np.percentile(values[:, shown].astype(np.float64), PERCENTILES, axis=1).T
    return tuple((float(low), float(max(high, low + 1e-6))) for low, high in limits)


def as_bytes(
    values: NDArray[Any], stretch: tuple[tuple[float, float], ...]
) -> tuple[UInt8Array, BoolArray]:
    """Return values ``[B, h, w]`` as 8 bits and where all of them are numbers ``[h, w]``."""
    if not stretch:
        return values, np.ones(values.shape[1:], np.bool_)
    low, high = np.array(stretch, np.float64).T.reshape(2, -1, 1, 1)
    finite = np.isfinite(values).all(axis=0)
    spread = (np.where(finite, values, low) - low) / (high - low) * 255.0
    return np.rint(np.clip(spread, 0.0, 255.0)).astype(np.uint8), finite
