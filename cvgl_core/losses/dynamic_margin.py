"""Contrast with a margin for each level of relevance (DyCL, arXiv 2506.23077).

With cosines ``S``, the items ``N`` of level 0 and the items ``P_k`` of level ``k`` or more, the
loss of a query is the sum over levels of

    log(1 + sum_{j in N} sum_{p in P_k} exp(s (S_j - S_p + m_k))).

Margins grow with the level, so that nearer items are pushed further from the negatives; the soft
maximum gives hard pairs their weight. The authors' code normalises descriptors over the batch
instead of over their channels, writes into its argument, and is infinite where a set is empty.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

PUBLISHED_MARGINS = (0.25, 0.35, 0.45)
"""Of levels 1 (within 500 m), 2 (within 200 m) and 3 (the same place)."""


def dynamic_margin_loss(
    scores: Tensor, levels: Tensor, margins: Sequence[float] = PUBLISHED_MARGINS, scale: float = 32
) -> Tensor:
    """Sum over levels, mean over the queries that have both an item of the level and a negative.

    Args:
        scores: cosines of queries with items ``[Q, N]``.
        levels: of relevance ``[Q, N]``, 0 for none.
        margins: ``m_k``, that of level 1 first.
        scale: ``s``.
    """
    logits = scores * scale
    negative = levels == 0
    total = logits.new_zeros(())
    for level, margin in enumerate(margins, start=1):
        positive = levels >= level
        usable = negative.any(dim=1) & positive.any(dim=1)
        hardest = _masked_logsumexp(logits[usable], negative[usable])
        furthest = _masked_logsumexp(-logits[usable], positive[usable])
        each = F.softplus(hardest + furthest + scale * margin)
        total = total + each.sum() / max(1, len(each))
    return total


def _masked_logsumexp(logits: Tensor, mask: Tensor) -> Tensor:
    return logits.masked_fill(~mask, float("-inf")).logsumexp(dim=1)
