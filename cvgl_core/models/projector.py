"""From the ground branch's detailed map to one descriptor per level (UnifyGeo, III-C)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class ColumnProjector(nn.Module):
    """Squeeze the rows of each azimuth column, with weights shared by all columns.

    The descriptor is column-major, so turning the view by one column is a circular shift by
    ``channels``.

    Args:
        in_channels: of the map.
        channels: of one column of the descriptor.
        rows: of the map.
        separable: 1x1 convolution, then one linear layer over the rows shared by channels (the
            paper's, as CCVPE's); otherwise one linear layer over rows and channels.
    """

    def __init__(self, in_channels: int, channels: int, rows: int, separable: bool) -> None:
        super().__init__()
        if separable:
            self.reduce: nn.Conv2d = nn.Conv2d(in_channels, channels, 1)
            self.rows: nn.Module = nn.Conv2d(1, 1, (rows, 1))
        else:
            self.reduce = nn.Conv2d(in_channels, channels, (rows, 1))
            self.rows = nn.Identity()
        self.separable = separable

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, rows, n]`` to raw column-major descriptors ``[B, n * channels]``."""
        y: Tensor = self.reduce(x)
        if self.separable:
            batch, channels, rows, columns = y.shape
            y = self.rows(y.reshape(batch * channels, 1, rows, columns))
            y = y.reshape(batch, channels, 1, columns)
        return y.squeeze(2).transpose(1, 2).flatten(1)


class GroundProjectors(nn.Module):
    """One ``ColumnProjector`` per level; level 0 is layer-normalised, all are L2-normalised.

    The layer norm has no weights: it must commute with a circular shift of the columns.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], rows: int, separable: bool
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            ColumnProjector(in_channels, width, rows, separable) for width in channels
        )

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map ``[B, C, rows, n]`` to L2-normalised ``[B, n * d_l]`` per level, in float32."""
        raw = [level(x).float() for level in self.levels]
        raw[0] = F.layer_norm(raw[0], raw[0].shape[1:])
        return tuple(F.normalize(descriptor, dim=1) for descriptor in raw)
