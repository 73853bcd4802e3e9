"""From a map of semantic features to one global descriptor (UnifyGeo, Eq. 2-3)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.models.layers import flat_positions

_GEM_FLOOR = 1e-4


class GeM(nn.Module):
    """Generalised-mean pooling over positions, with a learnable exponent (Eq. 3)."""

    def __init__(self, exponent: float = 3.0) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor([exponent]))

    def forward(self, x: Tensor) -> Tensor:
        """Pool ``[B, N, C]`` to ``[B, C]``; values below a small floor count as the floor."""
        powered = x.clamp(min=_GEM_FLOOR).pow(self.exponent)
        return powered.mean(dim=1).pow(1.0 / self.exponent)


class FeatureAggregator(nn.Module):
    """Single-head self-attention of half width without a feed-forward part, then GeM.

    ``Phi = G + softmax(Q K^T / sqrt(lambda)) V W_o`` with ``Q, K`` from the layer-normalised and
    ``V`` from the raw map (Eq. 2); ``lambda`` is the width of the queries. It has no position
    encoding, so the descriptor does not depend on the order of positions.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = channels // 2
        self.norm = nn.LayerNorm(channels)
        self.query = nn.Linear(channels, inner, bias=False)
        self.key = nn.Linear(channels, inner, bias=False)
        self.value = nn.Linear(channels, inner, bias=False)
        self.restore = nn.Linear(inner, channels, bias=False)
        self.pool = GeM()

    def forward(self, semantic: Tensor) -> Tensor:
        """Map ``[B, C, H, W]`` to L2-normalised descriptors ``[B, C]``, in float32."""
        tokens = flat_positions(semantic)
        normed = self.norm(tokens)
        attended = F.scaled_dot_product_attention(
            self.query(normed), self.key(normed), self.value(tokens)
        )
        refined = tokens + self.restore(attended)
        return F.normalize(self.pool(refined.float()), dim=1)
