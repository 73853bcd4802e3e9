"""The heading of a photo that did not state it, and how far to trust it; grid north."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.geo.angle import wrapped
from cvgl_core.localization.estimate import vertex
from cvgl_core.types import Float32Array, FloatArray


@dataclass(frozen=True)
class Heading:
    """Degrees clockwise; ``std_deg`` is None where the heading was given, not found."""

    heading_deg: float
    std_deg: float | None


def search_heading(
    roll_scores: Sequence[Float32Array],
    weights: FloatArray,
    temperature: float,
    turns_deg: FloatArray,
) -> Heading:
    """Return the azimuth of the view's centre column from the scores of all rolls.

    Every tile says how probable each roll is (softmax of its scores); tiles speak with the weight
    they have at the estimated place. The best roll is refined by a parabola through the scores next
    to it. The deviation counts the other rolls and the width of one roll.

    Args:
        roll_scores: of each candidate ``[R]``.
        weights: of the candidates, not all zero.
        temperature: of the calibrated softmax.
        turns_deg: of the rolls, evenly spaced around the circle ``[R]``.
    """
    scores = np.stack([np.asarray(row, dtype=np.float64) for row in roll_scores])
    logits = scores / temperature
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    share = weights @ shares / weights.sum()
    count = scores.shape[1]
    best = int(share.argmax())
    quantum_deg = 360.0 / count
    mean_score = weights @ scores / weights.sum()
    around = mean_score[[(best - 1) % count, best, (best + 1) % count]]
    heading_deg = float(turns_deg[best]) + vertex(around) * quantum_deg
    away_deg = wrapped(turns_deg - heading_deg)
    variance = float(share @ away_deg**2) + quantum_deg**2 / 12
    return Heading(heading_deg % 360.0, float(np.sqrt(variance)))
