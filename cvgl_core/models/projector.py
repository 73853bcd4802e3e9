"""From the ground branch's detailed map to one descriptor per level (UnifyGeo, III-C)."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.models.features import weigh_columns


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

    The layer norm has no weights: it must commute with a circular shift of the columns. Columns
    that a view does not show take no part in either norm.
    """

    def __init__(
        self, in_channels: int, channels: Sequence[int], rows: int, separable: bool
    ) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            ColumnProjector(in_channels, width, rows, separable) for width in channels
        )

    def forward(self, x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, ...]:
        """Map ``[B, C, rows, n]`` to L2-normalised ``[B, n * d_l]`` per level, in float32.

        With ``weights [B, n]`` of the columns, ``weigh_columns`` takes the place of the norm.
        """
        raw = [level(x).float() for level in self.levels]
        if weights is None:
            raw[0] = F.layer_norm(raw[0], raw[0].shape[1:])
            return tuple(F.normalize(descriptor, dim=1) for descriptor in raw)
        raw[0] = _layer_norm(raw[0], weights)
        return tuple(weigh_columns(descriptor, weights) for descriptor in raw)


def _layer_norm(x: Tensor, weights: Tensor) -> Tensor:
    """Layer norm of column-major ``[B, n * d]`` in which columns count by ``weights [B, n]``."""
    share = weights.repeat_interleave(x.shape[1] // weights.shape[1], dim=1)
    share = share / share.sum(dim=1, keepdim=True).clamp(min=1e-6)
    centred = x - (share * x).sum(dim=1, keepdim=True)
    variance = (share * centred.square()).sum(dim=1, keepdim=True)
    return centred * (variance + 1e-5).rsqrt()
