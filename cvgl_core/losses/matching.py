"""Contrast of detailed descriptors with positions of tiles (UnifyGeo, Eq. 8 and L_R)."""

from __future__ import annotations

import torch
from torch import Tensor

from cvgl_core.losses.infonce import mean_over


def matching_loss(scores: Tensor, label: Tensor, temperature: Tensor) -> Tensor:
    """Cross-entropy over the positions of the own tile, mean over the batch (Eq. 8).

    Args:
        scores: cosines ``[B, h, w]``.
        label: weights ``[B, h, w]`` that sum to one.
        temperature: scalar that divides the cosines.
    """
    log_p = (scores.float() / temperature).flatten(1).log_softmax(dim=1)
    return -(label.flatten(1) * log_p).sum(dim=1).mean()


def ranking_loss(
    scores: Tensor,
    label: Tensor,
    temperature: Tensor,
    covers: Tensor | None = None,
    asked: Tensor | None = None,
) -> Tensor:
    """As ``matching_loss``, but against the positions of all tiles of the batch (``L_R``).

    Args:
        scores: cosines ``[B, B, h, w]`` of view ``i`` with tile ``j``.
        label: weights ``[B, h, w]`` on the own tile that sum to one.
        temperature: scalar that divides the cosines.
        covers: ``[B, B]`` bool, true where tile ``j`` truly contains camera ``i``: no negative
            of view ``i``, so left out. The own tile always takes part.
        asked: ``[B]`` bool, the views whose loss counts.
    """
    batch = scores.shape[0]
    logits = (scores.float() / temperature).flatten(2)
    own = torch.eye(batch, dtype=torch.bool, device=scores.device)
    if covers is not None:
        logits = logits.masked_fill((covers.bool() & ~own)[:, :, None], float("-inf"))
    normaliser = logits.flatten(1).logsumexp(dim=1)
    positive = (label.flatten(1) * torch.diagonal(logits, dim1=0, dim2=1).T).sum(dim=1)
    return mean_over(normaliser - positive, asked)
