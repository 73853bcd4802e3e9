"""A posterior under one more thing that is known of the place, as a weight for every cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cvgl_core.localization.estimate import fused_mode
from cvgl_core.localization.posterior import TileProbabilities, Vote, fuse, heatmap_probability
from cvgl_core.localization.result import Fused
from cvgl_core.types import FloatArray

CellWeights = Callable[[int, int, int, int], FloatArray]
"""Weights of a window of fine cells, asked by its first row and column, its height and width."""

_TINY = 1e-300


def weighed(
    fused: Fused,
    weights: CellWeights,
    smoothing_m: float,
    outside: float | None = None,
) -> Fused:
    """Multiply the posterior by weights, and share out the probability anew.

    Args:
        fused: the posterior of one photo.
        weights: relative densities: 1 where a place is as probable as without them.
        smoothing_m: before the mode is taken, see ``LocalizeSettings``.
        outside: probability of "not in this area" if it is known; else the weights decide, for
            photos from elsewhere keep a weight of 1.
    """
    masses = np.zeros(len(fused.votes))
    votes: list[Vote] = []
    for place, vote in enumerate(fused.votes):
        sharp = vote.log_heatmap / np.float32(fused.temperature)
        weight = weights(vote.row, vote.col, *sharp.shape)
        mean = float((heatmap_probability(sharp) * weight).sum())
        masses[place] = vote.probability * mean
        logs = np.log(np.maximum(weight, _TINY)).astype(np.float32)
        votes.append(replace(vote, log_heatmap=sharp + logs))
    if outside is None:
        outside = fused.shares.outside / (fused.shares.outside + masses.sum())
    shares = masses * (1 - outside) / max(masses.sum(), _TINY)
    order = np.argsort(-shares, kind="stable")
    chosen = [replace(votes[place], probability=float(shares[place])) for place in order]
    field = fuse(chosen, fused.field.cell_m)
    return replace(
        fused,
        ranked=[fused.ranked[place] for place in order],
        votes=chosen,
        shares=TileProbabilities(shares[order], outside),
        field=field,
        place=fused_mode(field, chosen, smoothing_m),
        temperature=1.0,
    )
