"""The 3D scene's encoder: pictures of depth to a descriptor. Only there while training."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

_WIDTHS = (16, 32, 64, 128)
_RATIO = 0.6


class SceneEncoder(nn.Module):
    """Convolutions over each view, their mean over views, and a residual adapter (PointCLIP).

    SkyLink encodes with PointCLIP's frozen image encoder; here a small one is trained along,
    because that one does not come as a package. The adapter's share of 0.6 is SkyLink's.

    Args:
        descriptor_dim: as of the drone branch, which the scene is aligned with.
    """

    def __init__(self, descriptor_dim: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 1
        for width in _WIDTHS:
            layers += [nn.Conv2d(before, width, 3, stride=2, padding=1), nn.ReLU()]
            before = width
        self.views = nn.Sequential(*layers)
        # Scenes are alike: with random weights their cosines are 0.9999, which teaches nothing.
        self.norm = nn.BatchNorm1d(before)
        self.adapter = nn.Sequential(
            nn.Linear(before, before), nn.ReLU(), nn.Linear(before, before), nn.ReLU()
        )
        self.project = nn.Linear(before, descriptor_dim)

    def forward(self, nearness: Tensor) -> Tensor:
        """Map views ``[B, V, p, p]`` to L2-normalised descriptors ``[B, D]``, in float32."""
        count, views, side, _ = nearness.shape
        maps = self.views(nearness.reshape(count * views, 1, side, side))
        pooled = self.norm(maps.mean(dim=(2, 3)).reshape(count, views, -1).mean(dim=1))
        adapted = _RATIO * self.adapter(pooled) + (1.0 - _RATIO) * pooled
        return F.normalize(self.project(adapted).float(), dim=1)
