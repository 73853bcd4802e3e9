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

_LEAST_KEPT = 50
_NEGLIGIBLE = 1e-6
_TINY = 1e-300


def weighed(
    fused: Fused,
    weights: CellWeights,
    smoothing_m: float,
    outside: float | None = None,
    background: float = 0.0,
) -> Fused:
    """Multiply the posterior by weights, and share out the probability anew.

    Args:
        fused: the posterior of one photo.
        weights: relative densities: 1 where a place is as probable as without them.
        smoothing_m: before the mode is taken, see ``LocalizeSettings``.
        outside: probability of "not in this area" if it is known; else the weights decide, for
            photos from elsewhere keep a weight of 1.
        background: mass that every cell of every tile has beside its own, before it is weighed.
    """
    masses = np.array([_mass(fused, vote, weights, background).sum() for vote in fused.votes])
    if outside is None:
        outside = fused.shares.outside / (fused.shares.outside + masses.sum())
    order = np.argsort(-masses, kind="stable")
    kept = order[: max(_LEAST_KEPT, int((masses > _NEGLIGIBLE * masses.sum()).sum()))]
    shares = masses[kept] * (1 - outside) / max(masses[kept].sum(), _TINY)
    votes: list[Vote] = []
    for place, share in zip(kept, shares, strict=True):
        vote = fused.votes[place]
        mass = np.maximum(_mass(fused, vote, weights, background), _TINY)
        logs = np.log(mass / mass.sum()).astype(np.float32)
        votes.append(replace(vote, probability=float(share), log_heatmap=logs))
    field = fuse(votes, fused.field.cell_m)
    return replace(
        fused,
        ranked=[fused.ranked[place] for place in kept],
        votes=votes,
        shares=TileProbabilities(shares, outside),
        field=field,
        place=fused_mode(field, votes, smoothing_m),
        temperature=1.0,
    )


def shared_out(fused: Fused, outside: float, rivals: float) -> Fused:
    """Return the same posterior with what is left of the probability beside what lies elsewhere.

    Args:
        fused: the posterior of one photo in one of several grids.
        outside: probability of "not in any of them".
        rivals: of the other grids.
    """
    factor = (1 - outside - rivals) / max(float(fused.shares.tiles.sum()), _TINY)
    votes = [replace(vote, probability=vote.probability * factor) for vote in fused.votes]
    return replace(
        fused,
        votes=votes,
        shares=TileProbabilities(fused.shares.tiles * factor, outside, rivals),
        field=fuse(votes, fused.field.cell_m, fused.temperature),
    )


def _mass(fused: Fused, vote: Vote, weights: CellWeights, background: float) -> FloatArray:
    """Return the weighed mass of a tile's cells ``[p, p]``."""
    heatmap = heatmap_probability(vote.log_heatmap / np.float32(fused.temperature))
    weight = weights(vote.row, vote.col, *heatmap.shape)
    mass: FloatArray = (vote.probability * heatmap + background) * weight
    return mass
