"""What the level of decoded logits says: is the camera on this tile at all?

A network that was trained for it (``losses.presence``) raises the logits of a tile that shows the
camera above those of tiles that do not. The *presence* of a tile is ``log sum exp`` of its logits;
weighted, it is the last term of a candidate's score.
"""

from __future__ import annotations

import numpy as np

from cvgl_core.types import Float32Array, FloatArray, IntArray


def log_presence(logits: Float32Array) -> FloatArray:
    """Return the presence of decoded tiles ``[K, p, p]``: ``[K]``."""
    flat = logits.reshape(len(logits), -1).astype(np.float64)
    top = flat.max(axis=1)
    presence: FloatArray = np.log(np.exp(flat - top[:, None]).sum(axis=1)) + top
    return presence


def presence_of(count: int, decoded: IntArray, logits: Float32Array) -> FloatArray:
    """Return the presence of candidates ``[count]``; NaN of those that were not decoded.

    Args:
        count: how many there are.
        decoded: positions among them ``[K]``.
        logits: of these ``[K, p, p]``.
    """
    presence: FloatArray = np.full(count, np.nan)
    presence[decoded] = log_presence(logits)
    return presence


def with_presence(matched: FloatArray, presence: FloatArray, weight: float) -> FloatArray:
    """Return scores with the weighted presence added; candidates along the last axis.

    Where no tile was decoded nothing is added.

    Args:
        matched: scores after matching ``[..., K]``.
        presence: NaN for tiles that were not decoded, which count as the least of the others.
        weight: see ``Calibration``.
    """
    known = np.isfinite(presence)
    least = np.where(known, presence, np.inf).min(axis=-1, keepdims=True, initial=np.inf)
    filled = np.where(known, presence, np.where(np.isfinite(least), least, 0.0))
    scores: FloatArray = matched + weight * filled
    return scores
