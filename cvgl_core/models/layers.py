"""Small layers that several parts of the network use."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of a map ``[B, C, H, W]``.

    Only views are permuted, so a map in ``channels_last`` is normalised without a copy.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each position's channels of ``[B, C, H, W]``."""
        y = F.layer_norm(
            x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps
        )
        return y.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Depthwise 3x3, norm, and a two-layer perceptron per position, added to the input.

    Stands in for the last stage of backbones whose own last stage cannot be cut out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.norm = LayerNorm2d(channels)
        self.expand = nn.Conv2d(channels, 4 * channels, 1)
        self.reduce = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Refine ``[B, C, H, W]``."""
        y: Tensor = self.reduce(F.relu(self.expand(self.norm(self.depthwise(x)))))
        return x + y


def flat_positions(x: Tensor) -> Tensor:
    """View a map ``[B, C, H, W]`` as ``[B, H * W, C]``, row by row."""
    return x.flatten(2).transpose(1, 2)
