"""Forward-backward smoothing of places along a walk, on the lattice of the index.

Fields are held on the blocks of cells where any photo may have been taken, ``[S, B, B]``. Their
values are relative densities: how many times more probable a place is than if all of the searched
area were as probable. ``1`` is no knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.geo.heading import WRONG
from cvgl_core.localization.motion import Step
from cvgl_core.localization.posterior import BLOCK, Cells, MassField
from cvgl_core.types import FloatArray, IntArray

_KERNEL_CELLS = 24
_CHUNK = 64


@dataclass(frozen=True)
class Support:
    """The blocks that fields are held on.

    Attributes:
        blocks: row and column of each block ``[S, 2]``, sorted.
        cell_m: side of a cell.
        area_m2: of all that is searched, which may be far more.
    """

    blocks: IntArray
    cell_m: float
    area_m2: float

    @classmethod
    def of(cls, fields: Sequence[Cells], cell_m: float, area_m2: float) -> Support:
        """Return the blocks that hold any of the cells."""
        keys = [np.stack([one.rows // BLOCK, one.cols // BLOCK], axis=1) for one in fields]
        return cls(np.unique(np.concatenate(keys), axis=0), cell_m, area_m2)

    def density(self, cells: Cells) -> FloatArray:
        """Return mass as relative density ``[S, B, B]``."""
        keys = _key(self.blocks[:, 0], self.blocks[:, 1])
        at = np.searchsorted(keys, _key(cells.rows // BLOCK, cells.cols // BLOCK))
        place = (at * BLOCK + cells.rows % BLOCK) * BLOCK + cells.cols % BLOCK
        mass = np.bincount(place, cells.mass, minlength=len(keys) * BLOCK**2)
        density = mass.reshape(-1, BLOCK, BLOCK) * self.area_m2 / self.cell_m**2
        return np.asarray(density, np.float64)

    def mean(self, density: FloatArray) -> float:
        """Return the mean of a relative density over all that is searched."""
        return float(density.sum() * self.cell_m**2 / self.area_m2)

    def field(self, values: FloatArray) -> MassField:
        """Return values ``[S, B, B]`` as a field to cut windows from."""
        field = MassField(self.cell_m)
        for (row, col), block in zip(self.blocks.tolist(), values, strict=True):
            field.add(row * BLOCK, col * BLOCK, block)
        return field

    def moved(self, values: FloatArray, step: Step) -> FloatArray:
        """Return where the next photo is, given where this one is; both ``[S, B, B]``.

        A share ``WRONG`` of all steps is not as it was said, and leads anywhere.
        """
        coarse = 1
        while step.radius_m > _KERNEL_CELLS * self.cell_m * coarse and coarse < BLOCK:
            coarse *= 2
        anywhere = WRONG * self.mean(values)
        if step.radius_m > _KERNEL_CELLS * self.cell_m * coarse:  # says nothing of the place
            return np.full_like(values, self.mean(values))
        side = BLOCK // coarse
        small = values.reshape(-1, side, coarse, side, coarse).mean(axis=(2, 4))
        spread = self._convolved(small, step, self.cell_m * coarse)
        wide = np.repeat(np.repeat(spread, coarse, axis=1), coarse, axis=2)
        moved: FloatArray = (1 - WRONG) * wide + anywhere
        return moved

    def _convolved(self, values: FloatArray, step: Step, cell_m: float) -> FloatArray:
        """Return values ``[S, b, b]`` on cells of ``cell_m`` after a step."""
        down, right = round(-step.north_m / cell_m), round(step.east_m / cell_m)
        kernel = step.kernel(cell_m, step.east_m - right * cell_m, -step.north_m - down * cell_m)
        side, half = values.shape[1], len(kernel) // 2
        full = -(-(side + len(kernel) - 1) // 16) * 16  # a size that is quick to transform
        spectrum = np.fft.rfft2(kernel, (full, full))
        out = MassField(cell_m)
        for start in range(0, len(values), _CHUNK):
            part = values[start : start + _CHUNK]
            grown = np.fft.irfft2(np.fft.rfft2(part, (full, full)) * spectrum, (full, full))
            for (row, col), block in zip(self.blocks[start:].tolist(), grown, strict=False):
                out.add(row * side + down - half, col * side + right - half, block)
        found = [
            out.window(row * side, col * side, side, side) for row, col in self.blocks.tolist()
        ]
        return np.maximum(np.stack(found), 0.0)  # rounding of the transform


def smooth(
    support: Support, likelihoods: Sequence[FloatArray], steps: Sequence[Step]
) -> list[FloatArray]:
    """Return what all others say of the place of each photo, up to a factor ``[n]``.

    Args:
        support: of all fields.
        likelihoods: of each photo's place ``[n]`` of ``[S, B, B]``.
        steps: between one photo and the next ``[n - 1]``.
    """
    before, _ = _passed(support, likelihoods, steps)
    after, _ = _passed(support, likelihoods[::-1], [step.back() for step in steps[::-1]])
    return [one * other for one, other in zip(before, after[::-1], strict=True)]


def log_evidence(
    support: Support, likelihoods: Sequence[FloatArray], steps: Sequence[Step]
) -> float:
    """Return how many times more probable the photos are than without knowledge, natural log."""
    return _passed(support, likelihoods, steps)[1]


def _passed(
    support: Support, likelihoods: Sequence[FloatArray], steps: Sequence[Step]
) -> tuple[list[FloatArray], float]:
    """Return what the photos before each one say of it, and the evidence of all."""
    messages = [np.ones_like(likelihoods[0])]
    evidence = 0.0
    for likelihood, step in zip(likelihoods, [*steps, None], strict=True):
        held = messages[-1] * likelihood
        mean = support.mean(held)
        evidence += float(np.log(mean))
        if step is not None:
            messages.append(support.moved(held / mean, step))
    return messages, evidence


def _key(rows: IntArray, cols: IntArray) -> IntArray:
    """Return one number a block, in the order of row and column."""
    return (rows.astype(np.int64) << 32) + cols
