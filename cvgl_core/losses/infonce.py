"""Contrast of global descriptors within a batch (UnifyGeo, Eq. 6)."""

from __future__ import annotations

import torch
from torch import Tensor


def symmetric_infonce(
    ground: Tensor,
    aerial: Tensor,
    temperature: Tensor,
    label_smoothing: float = 0.1,
    exclude: Tensor | None = None,
    asked: Tensor | None = None,
) -> Tensor:
    """Mean of ground-to-aerial and aerial-to-ground InfoNCE; pair ``b`` is the only positive.

    Args:
        ground: L2-normalised ``[B, D]``.
        aerial: L2-normalised ``[B, D]``.
        temperature: scalar that divides the cosines.
        label_smoothing: share of the label spread evenly over all entries that take part.
        exclude: ``[B, B]`` bool, true where tile ``j`` is a false negative of view ``i``; left
            out of both directions. The diagonal always takes part.
        asked: ``[B]`` bool, the pairs whose loss counts; all stay negatives of the others.
    """
    logits = ground.float() @ aerial.float().T / temperature
    kept = _kept(exclude, logits)
    forward = _smoothed_cross_entropy(logits, kept, label_smoothing)
    backward = _smoothed_cross_entropy(logits.T, kept.T, label_smoothing)
    return mean_over(0.5 * (forward + backward), asked)


def mean_over(values: Tensor, chosen: Tensor | None) -> Tensor:
    """Mean of ``values[chosen]``, zero if nothing is chosen."""
    if chosen is None:
        return values.mean()
    weights = chosen.to(values)
    return (values * weights).sum() / weights.sum().clamp(min=1.0)


def _kept(exclude: Tensor | None, logits: Tensor) -> Tensor:
    if exclude is None:
        return torch.ones_like(logits, dtype=torch.bool)
    own = torch.eye(logits.shape[0], dtype=torch.bool, device=logits.device)
    return ~exclude.bool() | own


def _smoothed_cross_entropy(logits: Tensor, kept: Tensor, smoothing: float) -> Tensor:
    log_p = logits.masked_fill(~kept, float("-inf")).log_softmax(dim=1)
    positive = log_p.diagonal()
    spread = log_p.masked_fill(~kept, 0.0).sum(dim=1) / kept.sum(dim=1)
    return -((1.0 - smoothing) * positive + smoothing * spread)
