"""A smooth bound of hierarchical average precision (HAPPIER, ECCV 2022), as DyCL uses it.

H-AP of a query is ``sum_k Hrank(k) / rank(k)`` over its relevant items, divided by the sum of
their relevances: ``rank`` counts the items that score at least as high, and ``Hrank`` sums the
smaller of both relevances over them. Counting has no gradient, so an item of lower level that
scores ``t`` above counts as ``StepRank(t)`` in ``rank``; ``Hrank`` and all other items are counted.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepRank:
    """A step with a slope, steep where an order is wrong; the defaults are the published values.

    ``sigmoid(t / tau)`` up to 0, ``start`` more up to ``delta``, then ``rho (t - delta) + offset``.
    """

    tau: float = 0.01
    rho: float = 100.0
    offset: float = 1.44
    delta: float = 0.05
    start: float = 0.5

    def __call__(self, t: Tensor) -> Tensor:
        """Return the smooth count of items that score ``t`` above."""
        smooth = torch.sigmoid(t / self.tau)
        beyond = self.rho * (t - self.delta) + self.offset
        return torch.where(t > self.delta, beyond, smooth + self.start * (t > 0))


def relevances(
    levels: Tensor, highest: int, alpha: float = 1.0, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Return ``(level / highest)^alpha / (items of that level)`` for each query's items ``[Q, N]``.

    Args:
        levels: ``[Q, N]``, 0 for none.
        highest: the highest level there is.
        alpha: how much more a higher level is worth.
        dtype: of the result.
    """
    found = torch.zeros(levels.shape, dtype=dtype, device=levels.device)
    for level in range(1, highest + 1):
        own = levels == level
        count = own.sum(dim=1, keepdim=True).clamp(min=1).to(dtype)
        found = torch.where(own, (level / highest) ** alpha / count, found)
    return found


def happier_loss(
    scores: Tensor, levels: Tensor, highest: int, alpha: float = 1.0, step: StepRank | None = None
) -> Tensor:
    """One minus the smooth H-AP, mean over the queries that have a relevant item.

    Args:
        scores: cosines of queries with items ``[Q, N]``.
        levels: of relevance ``[Q, N]``, 0 for none.
        highest: the highest level there is.
        alpha: of ``relevances``.
        step: the smooth count; the published one if None.
    """
    step = step or StepRank()
    relevance = relevances(levels, highest, alpha, scores.dtype)
    query, item = (levels > 0).nonzero(as_tuple=True)  # [P] relevant items of all queries
    above = scores[query] - scores[query, item][:, None]  # [P, N]
    counted = (above >= 0).to(scores)
    lower = levels[query] < levels[query, item][:, None]
    other = torch.arange(scores.shape[1], device=scores.device)[None, :] != item[:, None]
    rank = 1.0 + (torch.where(lower, step(above), counted) * other).sum(dim=1)
    shared = torch.minimum(relevance[query], relevance[query, item][:, None])
    hierarchical_rank = (counted * shared).sum(dim=1)  # the item itself is at least as high
    precision = scores.new_zeros(len(scores)).index_add(0, query, hierarchical_rank / rank)
    asked = (levels > 0).any(dim=1)
    return (1.0 - precision[asked] / relevance.sum(dim=1)[asked]).sum() / max(1, int(asked.sum()))
