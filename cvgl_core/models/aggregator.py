"""From a map of semantic features to one global descriptor (UnifyGeo, Eq. 2-3)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.models.layers import flat_positions

_GEM_FLOOR = 1e-4
_SEEN_FLOOR = 1e-12


class GeM(nn.Module):
    """Generalised-mean pooling over positions, with a learnable exponent (Eq. 3)."""

    def __init__(self, exponent: float = 3.0) -> None:
        super().__init__()
        self.exponent = nn.Parameter(torch.tensor([exponent]))

    def forward(self, x: Tensor, shares: Tensor | None = None) -> Tensor:
        """Pool ``[B, N, C]`` to ``[B, C]``; values below a small floor count as the floor.

        Positions count by ``shares [B, N]``, which sum to one; all alike if there are none.
        """
        powered = x.clamp(min=_GEM_FLOOR).pow(self.exponent)
        if shares is None:
            return powered.mean(dim=1).pow(1.0 / self.exponent)
        return torch.einsum("bn,bnc->bc", shares, powered).pow(1.0 / self.exponent)


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

    def forward(self, semantic: Tensor, weights: Tensor | None = None) -> Tensor:
        """Map ``[B, C, H, W]`` to L2-normalised descriptors ``[B, C]``, in float32.

        Positions of column ``c`` are attended to and pooled by ``weights [B, W]``: 0 hides one.
        """
        tokens = flat_positions(semantic)
        shares = None if weights is None else _position_shares(weights, semantic.shape[2])
        hidden = None if shares is None else shares.clamp(min=1e-9).log()[:, None, None, :]
        normed = self.norm(tokens)
        parts = (self.query(normed), self.key(normed), self.value(tokens))
        one_head = (part.unsqueeze(1) for part in parts)  # without this axis torch is slower
        query, key, value = one_head
        mask = None if hidden is None else hidden.to(query.dtype)
        attended = F.scaled_dot_product_attention(query, key, value, mask).squeeze(1)
        refined = tokens + self.restore(attended)
        return F.normalize(self.pool(refined.float(), shares), dim=1)


class MeanAggregator(nn.Module):
    """Average pooling: the paper's baseline without a feature aggregator (Table V)."""

    def forward(self, semantic: Tensor, weights: Tensor | None = None) -> Tensor:
        """Map ``[B, C, H, W]`` to L2-normalised descriptors ``[B, C]``, in float32.

        Positions of column ``c`` count by ``weights [B, W]``.
        """
        if weights is None:
            return F.normalize(semantic.float().mean(dim=(2, 3)), dim=1)
        shares = _position_shares(weights, semantic.shape[2])
        return F.normalize((shares[:, :, None] * flat_positions(semantic).float()).sum(1), dim=1)


class AzimuthPool(nn.Module):
    """What lies in which direction: one short descriptor for each azimuth sector.

    The paper's descriptor forgets where its features were (attention and GeM ignore the order of
    positions), though north is known. Here the map is reduced to a few channels and pooled once
    per sector with weights that fall off with the angle to the sector's middle; a tile's sectors
    are taken around its centre, a view's along its columns. Sector-major, sector ``s`` looking at
    ``-180 + (s + 0.5) * 360 / sectors`` degrees from north, so that turning the view by one sector
    is a circular shift by ``channels``. This project's own extension.

    Args:
        in_channels: of the map.
        channels: of one sector's descriptor.
        azimuth_rad: of each position or column, clockwise from north, ``[P]``.
        sectors: how many.
        rows: height over which a view's map is squeezed first; 1 for a tile.
    """

    angle: Tensor

    def __init__(
        self, in_channels: int, channels: int, azimuth_rad: Tensor, sectors: int, rows: int = 1
    ) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(in_channels, channels, (rows, 1))
        self.log_sharpness = nn.Parameter(torch.tensor([math.log(4.0)]))
        self.exponent = nn.Parameter(torch.tensor([3.0]))
        middle = (torch.arange(sectors) + 0.5) / sectors * 2 * math.pi - math.pi
        cosine = (azimuth_rad[None, :] - middle[:, None]).cos()
        self.register_buffer("angle", cosine, persistent=False)

    def forward(self, semantic: Tensor, weights: Tensor | None = None) -> Tensor:
        """Map ``[B, C, H, W]`` to L2-normalised descriptors ``[B, sectors * channels]``.

        Of a view's columns, ``weights [B, W]`` says how much each shows; sectors that nothing is
        seen of stay near zero.
        """
        tokens = flat_positions(self.reduce(semantic)).float()
        near = (self.log_sharpness.exp() * self.angle).softmax(dim=1)
        powered = tokens.clamp(min=_GEM_FLOOR).pow(self.exponent)
        if weights is not None:
            powered = (weights[:, :, None] * powered).clamp(min=_SEEN_FLOOR)
        pooled = torch.einsum("sp,bpc->bsc", near, powered).pow(1.0 / self.exponent)
        return F.normalize(pooled.flatten(1), dim=1)


def _position_shares(weights: Tensor, rows: int) -> Tensor:
    """Return what each position of ``rows`` rows counts, by its column's weight: ``[B, H * W]``."""
    each = weights.float()[:, None, :].expand(-1, rows, -1).flatten(1)
    return each / each.sum(dim=1, keepdim=True).clamp(min=1e-6)


def column_azimuths(columns: int) -> Tensor:
    """Azimuth of each column of a north-centred view, radians clockwise from north ``[n]``."""
    return (torch.arange(columns) + 0.5) / columns * 2 * math.pi - math.pi


def position_azimuths(side: int) -> Tensor:
    """Azimuth of each position of a north-up map from its centre, row by row ``[side * side]``."""
    offset = torch.arange(side) + 0.5 - side / 2
    return torch.atan2(offset[None, :], -offset[:, None]).flatten()
