"""Photos of one place or one walk: what each says of its own place counts for all the others.

Photo ``i`` says how many times more probable a place ``x`` is than without it: ``L_i(x)``, and
``L_i(out)`` of its being from elsewhere. A share ``SILENT`` of photos says nothing, whatever it
seems to say (a lorry in front, a street rebuilt since), so no photo can rule out what the others
agree on. With steps between the photos (``motion.Step``) their places are a Markov chain; all
were taken in the area or none.

Photos of one walk share streets, light and the network's blind spots: they are not independent.
``n`` of them say as much as ``n / (1 + (n - 1) CORRELATION)`` that are (the design effect of
equally correlated samples). So what others say is raised to the power of that over ``n``, and so
are the odds of "not in this area". What a photo says of its own place keeps its weight, but for
the chance that it says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.evaluation.calibration import OUTSIDE_PRIOR
from cvgl_core.localization.chain import Support, log_evidence, smooth
from cvgl_core.localization.motion import Step
from cvgl_core.localization.posterior import Cells, MassField
from cvgl_core.localization.region import coarser
from cvgl_core.localization.result import Fused
from cvgl_core.localization.weighing import weighed
from cvgl_core.types import FloatArray

CORRELATION = 0.05
"""Of what the photos of one walk say: on simulated walks the most that costs nothing; real ones may
share more. ``benchmarks/bench_together.py --fit`` compares others."""

SILENT = 0.1
"""Share of photos whose scores say nothing of their place."""

_COARSEST = 3
_TINY = 1e-300


@dataclass(frozen=True)
class Weighing:
    """What combining needs to know of the search.

    Attributes:
        area_m2: of all that was searched.
        smoothing_m: see ``LocalizeSettings``.
        overlap: of how many tiles each place is part.
        correlation: of what the photos say.
        silent: share of photos whose scores say nothing of their place.
    """

    area_m2: float
    smoothing_m: float
    overlap: float = 4.0
    correlation: float = CORRELATION
    silent: float = SILENT

    def heard(self, likelihood: FloatArray) -> FloatArray:
        """Return a likelihood with the chance that the photo says nothing."""
        heard: FloatArray = (1 - self.silent) * likelihood + self.silent
        return heard

    def background(self, fused: Fused) -> float:
        """Return the mass of a cell of each tile in case the photo says nothing."""
        cells = self.area_m2 / fused.field.cell_m**2
        silent = self.silent / (1 - self.silent) * (1 - fused.shares.outside)
        return silent / (cells * self.overlap)

    def exponent(self, photos: int) -> float:
        """Return the power that what one of ``photos`` says is raised to."""
        return 1.0 / (1.0 + (photos - 1) * self.correlation)


@dataclass(frozen=True)
class Said:
    """What one photo says by itself.

    Attributes:
        fused: its posterior.
        of_outside: whether low scores are evidence that it was taken elsewhere; where no
            calibration fits they are not.
    """

    fused: Fused
    of_outside: bool = True

    def outside(self) -> float:
        """Return how many times more probable it makes "not in this area"."""
        return self.fused.shares.outside / OUTSIDE_PRIOR if self.of_outside else 1.0

    def density(self, support: Support, field: Cells) -> FloatArray:
        """Return how many times more probable it makes each place ``[S, B, B]``."""
        density = support.density(field)
        inside = 1 - OUTSIDE_PRIOR if self.of_outside else max(support.mean(density), _TINY)
        return density / inside


def combine(photos: Sequence[Said], steps: Sequence[Step], weighing: Weighing) -> list[Fused]:
    """Return the posterior of each photo's place, given what all of them show.

    Args:
        photos: the posterior of each alone, all with the same candidate tiles ``[n]``.
        steps: between one and the next ``[n - 1]``.
        weighing: what else counts.
    """
    if len(photos) == 1:
        return [photos[0].fused]
    cell_m = photos[0].fused.field.cell_m
    times = _halvings(cell_m, steps)
    fields = [_halved(one.fused.field.cells(), times) for one in photos]
    support = Support.of(fields, cell_m * 2**times, weighing.area_m2)
    power = weighing.exponent(len(photos))
    says = [
        weighing.heard(one.density(support, field))
        for one, field in zip(photos, fields, strict=True)
    ]
    elsewhere = [weighing.heard(np.array(one.outside())) for one in photos]
    against = float(np.log(elsewhere).sum()) - log_evidence(support, says, steps)
    odds = np.log(OUTSIDE_PRIOR / (1 - OUTSIDE_PRIOR)) + power * against
    outside = float(1.0 / (1.0 + np.exp(np.clip(-odds, -700, 700))))
    messages = smooth(support, [one**power for one in says], steps)
    return [
        weighed(
            one.fused,
            _FineWeights(support.field(message), 2**times),
            weighing.smoothing_m,
            outside,
            weighing.background(one.fused),
        )
        for one, message in zip(photos, messages, strict=True)
    ]


class _FineWeights:
    """A field on coarse cells, asked for weights of fine ones: bilinear in between."""

    def __init__(self, field: MassField, factor: int) -> None:
        self._field, self._factor = field, factor

    def __call__(self, row: int, col: int, height: int, width: int) -> FloatArray:
        """Return the weights of a window of fine cells."""
        factor = self._factor
        top, left = row // factor - 1, col // factor - 1
        rows = -(-(row + height) // factor) + 1 - top
        cols = -(-(col + width) // factor) + 1 - left
        coarse = self._field.window(top, left, rows, cols)
        size = (cols * factor, rows * factor)
        fine = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
        down, right = row - top * factor, col - left * factor
        return np.asarray(fine[down : down + height, right : right + width], np.float64)


def _halvings(cell_m: float, steps: Sequence[Step]) -> int:
    """Return how often cells may be made twice as wide and still show the shape of every step."""
    finest_m = min((step.scale_m for step in steps), default=cell_m)
    return int(np.clip(np.log2(finest_m / cell_m), 0, _COARSEST))


def _halved(cells: Cells, times: int) -> Cells:
    """Return the mass on cells ``2**times`` as wide."""
    for _ in range(times):
        cells = coarser(cells)
    return cells
