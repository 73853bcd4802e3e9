"""From patch tokens to one descriptor by mixing positions (SkyLink's PAFA; MixVPR, WACV 2023)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class _MixBlock(nn.Module):
    """``x + MLP(LN(x))`` over the positions of each channel."""

    def __init__(self, positions: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(positions)
        self.expand = nn.Linear(positions, positions)
        self.reduce = nn.Linear(positions, positions)
        for layer in (self.expand, self.reduce):
            nn.init.trunc_normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.reduce(F.relu(self.expand(self.norm(x))))
        return x + mixed


class PatchMixer(nn.Module):
    """Patch-aware feature aggregation: each channel's map is mixed over all its positions.

    Unlike pooling it knows where a feature is: every position has weights of its own, so their
    number is fixed. SkyLink's sizes (1,024 positions of 1,024 channels, 2 blocks, 4 rows) make
    5,256,196 parameters and a descriptor of 4,096 numbers.

    Args:
        channels: of the map.
        positions: height times width of the map.
        out_channels, rows: the descriptor has ``out_channels * rows`` numbers.
        depth: blocks one after the other.
    """

    def __init__(
        self, channels: int, positions: int, out_channels: int, rows: int = 4, depth: int = 2
    ) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_MixBlock(positions) for _ in range(depth)))
        self.channel_projection = nn.Linear(channels, out_channels)
        self.row_projection = nn.Linear(positions, rows)

    def forward(self, semantic: Tensor, weights: Tensor | None = None) -> Tensor:
        """Map ``[B, C, H, W]`` to L2-normalised descriptors ``[B, D]``, in float32.

        Positions of column ``c`` count ``weights [B, W]`` times: 0 hides one.
        """
        if weights is not None:
            semantic = semantic * weights[:, None, None, :].to(semantic.dtype)
        mixed = self.blocks(semantic.flatten(2))
        projected = self.channel_projection(mixed.transpose(1, 2)).transpose(1, 2)
        return F.normalize(self.row_projection(projected).flatten(1).float(), dim=1)
