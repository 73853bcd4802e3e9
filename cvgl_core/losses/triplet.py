"""The soft-margin triplet loss of earlier work, as a baseline (CVM-Net, CVPR 2018)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def triplet_loss(scores: Tensor, negative: Tensor, sharpness: float = 10.0) -> Tensor:
    """Mean of ``log(1 + exp(sharpness (d_p^2 - d_n^2)))`` over all negatives of all pairs.

    Pair ``b`` is the positive, and ``d`` the distance of unit descriptors: ``d^2 = 2 - 2 S``.

    Args:
        scores: cosines ``[B, B]``.
        negative: ``[B, B]`` bool.
        sharpness: the weight of the difference.
    """
    gap = 2.0 * (scores - scores.diagonal()[:, None])
    return (F.softplus(sharpness * gap) * negative).sum() / negative.sum().clamp(min=1)
