"""What the two branches and the decoder hand to one another; level 0 is the coarsest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

LEVELS = 4
_NORM_FLOOR = 1e-3


@dataclass(frozen=True)
class GroundFeatures:
    """A batch of ground views.

    Attributes:
        descriptor: L2-normalised global descriptors ``[B, D]``.
        columns: per level the detailed descriptor ``[B, n * d_l]``, L2-normalised; column-major:
            ``n`` azimuth columns from left to right, ``d_l`` channels each. Of a view that does
            not show the full circle they are weighted, see ``weighted_cosine_norm``.
        column_count: ``n``.
        weights: share of each column that is seen, in 0..1, ``[B, n]``; None for full circles.
        azimuth_channels: of each column in the last ``n * azimuth_channels`` numbers of the
            descriptor, column-major like ``columns``; the others do not depend on the heading.
    """

    descriptor: Tensor
    columns: tuple[Tensor, ...]
    column_count: int
    weights: Tensor | None = None
    azimuth_channels: int = 0

    def rolled(self, shift: int | Tensor) -> GroundFeatures:
        """Turn the views to the right by whole columns, without encoding them again.

        A view whose centre was taken for north and whose true heading is ``h`` degrees becomes
        north-aligned by ``shift = h / 360 * column_count``. Of a network whose ends are joined
        these are the features of the turned view.

        Args:
            shift: columns, the same for all views or one each ``[B]``.
        """
        count, weights = self.column_count, self.weights
        return replace(
            self,
            descriptor=self._rolled_descriptor(shift),
            columns=tuple(roll_columns(c, shift, count) for c in self.columns),
            weights=None if weights is None else roll_columns(weights, shift, count),
        )

    def at_turns(self, turns: Iterable[int]) -> GroundFeatures:
        """Turn all views to the right by each of some numbers of columns.

        Returns:
            Features of ``[T * B, ...]``: the first turn of all views, then the second.
        """
        return concatenated([self.rolled(turn) for turn in turns])

    def part(self, which: slice) -> GroundFeatures:
        """Some of the views."""
        weights = self.weights
        return replace(
            self,
            descriptor=self.descriptor[which],
            columns=tuple(column[which] for column in self.columns),
            weights=None if weights is None else weights[which],
        )

    def _rolled_descriptor(self, shift: int | Tensor) -> Tensor:
        tail = self.column_count * self.azimuth_channels
        if not tail:
            return self.descriptor
        content, azimuth = self.descriptor[:, :-tail], self.descriptor[:, -tail:]
        return torch.cat([content, roll_columns(azimuth, shift, self.column_count)], dim=1)


def concatenated(parts: Sequence[GroundFeatures]) -> GroundFeatures:
    """Put batches of views one after the other; all show the full circle, or none does."""
    weights = [part.weights for part in parts if part.weights is not None]
    return replace(
        parts[0],
        descriptor=torch.cat([part.descriptor for part in parts]),
        columns=tuple(
            torch.cat(level) for level in zip(*(part.columns for part in parts), strict=True)
        ),
        weights=torch.cat(weights) if weights else None,
    )


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


def weigh_columns(raw: Tensor, weights: Tensor) -> Tensor:
    """Return ``w_c g_c / sqrt(sum_c w_c |g_c|^2)`` of column-major descriptors ``[B, n * d]``.

    Its product with an unweighted descriptor ``a``, over ``weighted_cosine_norm`` of ``a``, is the
    cosine of the two in which column ``c`` counts ``w_c`` times: columns that a view does not show
    take no part, on either side.

    Args:
        raw: descriptors.
        weights: of the columns ``[B, n]``, not negative.
    """
    width = raw.shape[1] // weights.shape[1]
    each = weights.repeat_interleave(width, dim=1)
    norm = (each * raw.square()).sum(dim=1, keepdim=True).sqrt()
    return each * raw / norm.clamp(min=_NORM_FLOOR)


def weighted_cosine_norm(unit_maps: Tensor, weights: Tensor, pairwise: bool = False) -> Tensor:
    """Return ``sqrt(sum_c w_c |a_c|^2)`` of every position of maps, float32.

    Args:
        unit_maps: ``[T, n * d, h, w]``, column-major over the channels.
        weights: of the columns ``[G, n]``.
        pairwise: view ``b`` with map ``b`` (``[B, h, w]``), not each with each (``[G, T, h, w]``).
    """
    tiles, _, height, width = unit_maps.shape
    columns = weights.shape[1]
    energy = unit_maps.float().square().reshape(tiles, columns, -1, height, width).sum(dim=2)
    with torch.autocast(unit_maps.device.type, enabled=False):
        pattern = "bn,bnhw->bhw" if pairwise else "gn,tnhw->gthw"
        squared = torch.einsum(pattern, weights.float(), energy)
    return squared.clamp(min=_NORM_FLOOR**2).sqrt()
