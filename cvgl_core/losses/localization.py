"""Where in its own tile the camera stands: label and cross-entropy (UnifyGeo, Eq. 7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_label(camera_uv_px: Tensor, side_px: int, sigma_px: float) -> Tensor:
    """Gaussian around each camera, sampled at pixel centres: ``[B, p, p]``, sums to one.

    Args:
        camera_uv_px: ``[B, 2]``, x right and y down, continuous (the tile's centre is ``p / 2``).
        side_px: ``p``.
        sigma_px: standard deviation.
    """
    centres = torch.arange(side_px, device=camera_uv_px.device, dtype=torch.float32) + 0.5
    squared = (centres[None, :, None] - camera_uv_px.float()[:, None, :]).square()
    along = (-squared / (2.0 * sigma_px**2)).softmax(dim=1)
    return along[:, :, 1, None] * along[:, None, :, 0]


def level_label(label: Tensor, height: int) -> Tensor:
    """Label max-pooled to a level's resolution and renormalised: ``[B, height, height]``."""
    pooled = F.max_pool2d(label[:, None], label.shape[-1] // height)[:, 0]
    return pooled / pooled.sum(dim=(1, 2), keepdim=True)


def localization_loss(logits: Tensor, label: Tensor) -> Tensor:
    """Cross-entropy of the softmax over all pixels ``[B, p, p]``, mean over the batch (Eq. 7)."""
    log_p = logits.float().flatten(1).log_softmax(dim=1)
    return -(label.flatten(1) * log_p).sum(dim=1).mean()
