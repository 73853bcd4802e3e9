"""What the two branches and the decoder hand to one another; level 0 is the coarsest."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEVELS = 4


@dataclass(frozen=True)
class GroundFeatures:
    """A batch of ground views.

    Attributes:
        descriptor: L2-normalised global descriptors ``[B, D]``.
        columns: per level the detailed descriptor ``[B, n * d_l]``, L2-normalised; column-major:
            ``n`` azimuth columns from left to right, ``d_l`` channels each.
        column_count: ``n``.
    """

    descriptor: Tensor
    columns: tuple[Tensor, ...]
    column_count: int

    def rolled(self, shift: int | Tensor) -> GroundFeatures:
        """Turn the views to the right by whole columns, without encoding them again.

        A view whose centre was taken for north and whose true heading is ``h`` degrees becomes
        north-aligned by ``shift = h / 360 * column_count``.

        Args:
            shift: columns, the same for all views or one each ``[B]``.
        """
        columns = tuple(roll_columns(c, shift, self.column_count) for c in self.columns)
        return GroundFeatures(self.descriptor, columns, self.column_count)


@dataclass(frozen=True)
class AerialFeatures:
    """A batch of tiles.

    Attributes:
        descriptor: L2-normalised global descriptors ``[B, D]``.
        maps: ``[B, C_l, h_l, w_l]``; level 0 layer- and L2-normalised over channels.
    """

    descriptor: Tensor
    maps: tuple[Tensor, ...]


@dataclass(frozen=True)
class MatchOutput:
    """Ground views matched against one tile each.

    Attributes:
        scores: cosines of every position, per level ``[B, h_l, w_l]``: ``M^0 .. M^3``.
        logits: unnormalised log-probability of the camera per tile pixel ``[B, p, p]``.
    """

    scores: tuple[Tensor, ...]
    logits: Tensor


def roll_columns(descriptor: Tensor, shift: int | Tensor, column_count: int) -> Tensor:
    """Shift column-major descriptors ``[B, n * d]`` to the right by whole columns, circularly.

    Args:
        descriptor: ``[B, n * d]``.
        shift: columns, for all rows or one each ``[B]``.
        column_count: ``n``.
    """
    width = descriptor.shape[1] // column_count
    if isinstance(shift, int):
        return torch.roll(descriptor, shift * width, dims=1)
    position = torch.arange(descriptor.shape[1], device=descriptor.device)
    source = position[None] - shift.to(position)[:, None] * width
    return torch.gather(descriptor, 1, source.remainder(descriptor.shape[1]))
