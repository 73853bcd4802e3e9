"""From scores to probabilities, fitted on held-out queries.

The posterior over the re-ranked candidates and "none of them" is the softmax of
``score_t / temperature`` and ``outside_logit``; both numbers minimise the negative log-likelihood
of what is true for held-out queries, some of which come from elsewhere (temperature scaling:
Guo et al., ICML 2017).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from cvgl_core.evaluation.gallery import Scores
from cvgl_core.types import DEFAULT_DEPTH, Calibration, Float32Array, IntArray

OUTSIDE_PRIOR = 0.2
"""Share of queries that are taken to come from elsewhere, whatever the share in the fit."""


def fit_calibration(
    inside: Scores, truth: IntArray, elsewhere: Scores, depth: int = DEFAULT_DEPTH
) -> Calibration:
    """Fit temperature and outside logit.

    Args:
        inside: held-out queries that belong to the gallery.
        truth: the right tile of each, ``[Q]``; where it is not among the first ``depth``, the
            right answer is "none of them".
        elsewhere: queries that do not belong to the gallery.
        depth: of re-ranking.
    """
    scores_in, right_in = _candidates(inside, truth, depth)
    scores_out, right_out = _candidates(elsewhere, None, depth)
    weights = np.concatenate(
        [
            np.full(len(scores_in), (1 - OUTSIDE_PRIOR) / max(1, len(scores_in))),
            np.full(len(scores_out), OUTSIDE_PRIOR / max(1, len(scores_out))),
        ]
    )
    temperature, outside = minimise_nll(
        np.concatenate([scores_in, scores_out]), np.concatenate([right_in, right_out]), weights
    )
    fitted_on = (
        f"{len(scores_in)} held-out views and {len(scores_out)} from elsewhere, depth {depth}, "
        f"prior of elsewhere {OUTSIDE_PRIOR}"
    )
    return Calibration(temperature, outside, fitted_on)


def minimise_nll(
    scores: Float32Array, right: IntArray, weights: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> tuple[float, float]:
    """Return the temperature and outside logit with the least negative log-likelihood.

    Args:
        scores: of the candidates, ``[Q, K]``.
        right: column of the right candidate, ``K`` for "none of them", ``[Q]``.
        weights: of the queries, ``[Q]``.
    """
    values = torch.from_numpy(scores.astype(np.float64))
    target = torch.from_numpy(right.astype(np.int64))[:, None]
    weight = torch.from_numpy(weights / weights.sum())
    # The free parameters are log(1/T) and the outside *score*, which keeps them near one.
    free = torch.tensor([np.log(20.0), float(values.max(dim=1).values.mean())], dtype=torch.float64)
    free.requires_grad_()
    optimiser = torch.optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        outside = free[1].expand(len(values), 1)
        logits = torch.cat([values, outside], dim=1) * free[0].exp()
        picked = torch.log_softmax(logits, dim=1).gather(1, target)[:, 0]
        loss = -(picked * weight).sum()
        torch.autograd.backward(loss)
        return loss

    cast(Any, optimiser).step(closure)  # untyped in torch
    inverse = float(free[0].detach().exp())
    return 1.0 / inverse, float(free[1].detach()) * inverse


def _candidates(
    scores: Scores, truth: IntArray | None, depth: int
) -> tuple[Float32Array, IntArray]:
    """Return the re-ranked scores of the first ``depth`` tiles and where the right one stands."""
    depth = min(depth, scores.retrieval.shape[1])
    order = np.argsort(-scores.retrieval, axis=1, kind="stable")[:, :depth]
    rows = np.arange(len(order))[:, None]
    chosen = (scores.retrieval + scores.match)[rows, order]
    if truth is None:
        return chosen, np.full(len(order), depth, dtype=np.int64)
    hit = order == truth[:, None]
    return chosen, np.where(hit.any(axis=1), hit.argmax(axis=1), depth)
