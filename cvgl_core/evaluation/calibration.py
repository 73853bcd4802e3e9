"""From scores and heatmaps to probabilities, fitted on held-out queries.

The posterior is a mixture over the re-ranked candidates and "none of them": candidate ``t`` has the
weight ``softmax((s_t + w max M_t^0 + v P_t) / T)`` with its presence ``P_t``, "none" a logit of its
own, and within a candidate the place follows its heatmap, sharpened by a temperature (temperature
scaling: Guo et al., ICML 2017). The five numbers minimise the negative log-likelihood of what is
true of held-out queries: the camera's cell, or "none" for queries from elsewhere and where no
candidate shows the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from cvgl_core.evaluation.asking import FULL_DEG, Asker
from cvgl_core.evaluation.evalset import EvalSet, area_m2
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.scoring import Candidates, Scorer
from cvgl_core.evaluation.store import TileStore
from cvgl_core.models.presence import presence_of, with_presence
from cvgl_core.types import (
    DEFAULT_DEPTH,
    Calibration,
    Float32Array,
    FloatArray,
    HeadingKnowledge,
    KindCalibration,
    ModelCard,
    Progress,
    QueryKind,
    no_progress,
)

OUTSIDE_PRIOR = 0.2
"""Share of queries that are taken to come from elsewhere, whatever the share in the fit."""

HEATMAP_TEMPERATURES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5)
_FLOOR = 1e-6
"""Least probability of a true cell: one hopeless query must not decide the fit."""

_NEVER = -1e6  # a log-probability; minus infinity would have no gradient
_BLOCK = 64
_FRAMED = 0.5  # of narrow views: as many photos as parts of panoramas
_PRESENCE_START = 0.02
_PRIOR_SCALE = 0.03  # about the temperature, which is not known before the fit


@dataclass(frozen=True)
class CandidateScores:
    """Queries and their candidates under ``R`` headings.

    Attributes:
        retrieval: cosines of descriptors ``[Q, K, R]``.
        match: maxima of ``M^0`` ``[Q, K, R]``.
        log_weights: of the headings beforehand ``[Q, R]``.
        presence: log-sum-exp of the decoded logits; NaN of candidates not decoded ``[Q, K]``.
        log_mass: log-probability of the camera's cell in each candidate's heatmap, for each of
            ``HEATMAP_TEMPERATURES``, ``[Q, K, T]``; ``-inf`` where a tile does not show the camera.
    """

    retrieval: Float32Array
    match: Float32Array
    log_weights: FloatArray
    presence: FloatArray
    log_mass: Float32Array


class CandidateScorer:
    """Asks a network about one gallery, with queries of any kind."""

    def __init__(self, data: EvalSet, network: Network, depth: int = DEFAULT_DEPTH) -> None:
        self.area_m2 = area_m2(data)
        self._data = data
        self._network = network
        self._store = TileStore(data, network)
        self._score = Scorer(self._store, network, depth)

    def own(self, ask: Asker, limit: int | None = None) -> CandidateScores:
        """Score queries made from the gallery's own views, whose cameras it shows."""
        return self._asked(self._data, ask, limit)

    def strangers(self, other: EvalSet, ask: Asker, limit: int | None = None) -> CandidateScores:
        """Score queries made from views of another place, which no tile shows."""
        return self._asked(other, ask, limit)

    def _asked(self, source: EvalSet, ask: Asker, limit: int | None) -> CandidateScores:
        count = min(limit or len(source.positive), len(source.positive))
        rows = []
        for start in range(0, count, _BLOCK):
            stop = min(start + _BLOCK, count)
            for view, strip in enumerate(source.views(start, stop), start):
                found = self._score(ask(strip, view))
                # As the paper scores them, for the weights are not known before the fit.
                matched = found.retrieval + found.match + found.log_weights * _PRIOR_SCALE
                closer, logits = self._score.closer(found, matched)
                presence = presence_of(len(matched), closer, logits)
                mass = self._log_mass(source, view, found, matched)
                rows.append((found.retrieval, found.match, found.log_weights, presence, mass))
        return CandidateScores(*(np.stack(column) for column in zip(*rows, strict=True)))

    def _log_mass(
        self, source: EvalSet, view: int, found: Candidates, matched: FloatArray
    ) -> Float32Array:
        """Return the camera's log-probability on each candidate ``[K, T]``.

        A candidate is decoded under the heading that ``matched`` prefers ``[K, R]``.
        """
        tiles = found.tiles
        log_mass = np.full((len(tiles), len(HEATMAP_TEMPERATURES)), -np.inf, dtype=np.float32)
        if source is not self._data:
            return log_mass
        offset_m = self._data.offset_m(np.full(len(tiles), view), tiles)
        side_m = self._data.tile_side_m[tiles]
        shown = np.flatnonzero(np.abs(offset_m).max(axis=1) < side_m / 2)
        if not len(shown):
            return log_mass
        rolls = matched[shown].argmax(axis=1)
        decoded = self._score.decode(found.query, tiles[shown], rolls)
        heatmaps = torch.from_numpy(decoded).flatten(1)
        share = offset_m[shown] / side_m[shown, None]
        side_px = self._store.tile_px
        cell = np.floor((np.stack([0.5 - share[:, 1], 0.5 + share[:, 0]], axis=1)) * side_px)
        at = torch.from_numpy((cell[:, 0] * side_px + cell[:, 1]).astype(np.int64))
        for number, temperature in enumerate(HEATMAP_TEMPERATURES):
            sharpened = (heatmaps / temperature).log_softmax(dim=1)
            log_mass[shown, number] = sharpened.gather(1, at[:, None])[:, 0].numpy()
        return log_mass


def calibrate(
    scorer: CandidateScorer,
    elsewhere: EvalSet,
    card: ModelCard,
    kinds: Sequence[QueryKind] = (),
    limit: int | None = None,
    progress: Progress = no_progress,
) -> ModelCard:
    """Fit probabilities for full circles with a known north, and for other kinds of queries.

    Args:
        scorer: of the gallery.
        elsewhere: views that do not belong there.
        card: of the model.
        kinds: the others.
        limit: queries of each kind, from either; all if None.
        progress: told after each kind.

    Returns:
        The card with what was fitted.
    """
    fitted: list[KindCalibration] = []
    every = (QueryKind(FULL_DEG, HeadingKnowledge.KNOWN), *kinds)
    for done, kind in enumerate(every):
        progress("calibrating", done, len(every))
        ask = Asker(kind, card, framed=_FRAMED)
        inside, strangers = scorer.own(ask, limit), scorer.strangers(elsewhere, ask, limit)
        fitted.append(KindCalibration(kind, fit_calibration(inside, strangers, scorer.area_m2)))
    progress("calibrating", len(every), len(every))
    return replace(card, calibration=fitted[0].calibration, kinds=tuple(fitted[1:]))


def fit_calibration(
    inside: CandidateScores, elsewhere: CandidateScores, area_m2: float = 0.0
) -> Calibration:
    """Fit all five numbers.

    Args:
        inside: held-out queries that belong to the gallery.
        elsewhere: queries that do not.
        area_m2: of the gallery; 0 if that is not known.
    """
    fits = [
        (*minimise_nll(inside, elsewhere, number), temperature)
        for number, temperature in enumerate(HEATMAP_TEMPERATURES)
    ]
    _, temperature, outside, weight, presence, heatmap = min(fits)
    depth = inside.match.shape[1]
    fitted_on = (
        f"{len(inside.match)} held-out views and {len(elsewhere.match)} from elsewhere"
        f", depth {depth}, prior of elsewhere {OUTSIDE_PRIOR}"
    )
    return Calibration(
        temperature,
        outside,
        fitted_on,
        match_weight=weight,
        heatmap_temperature=heatmap,
        presence_weight=presence,
        fitted_m2=area_m2,
    )


def minimise_nll(
    inside: CandidateScores, elsewhere: CandidateScores, number: int
) -> tuple[float, float, float, float, float]:
    """Minimise the negative log-likelihood at one temperature of the heatmaps.

    Args:
        inside: queries that belong to the gallery.
        elsewhere: queries that do not.
        number: of the temperature in ``HEATMAP_TEMPERATURES``.

    Returns:
        The negative log-likelihood, temperature of the scores, outside logit, weights of the match
        and of the presence.
    """
    retrieval, match, known, present, mass = (
        torch.from_numpy(np.concatenate(parts).astype(np.float64))
        for parts in (
            (inside.retrieval, elsewhere.retrieval),
            (inside.match, elsewhere.match),
            (inside.log_weights[:, None], elsewhere.log_weights[:, None]),
            (_filled(inside.presence), _filled(elsewhere.presence)),
            (inside.log_mass[..., number], elsewhere.log_mass[..., number]),
        )
    )
    weight = torch.from_numpy(_weights(len(inside.match), len(elsewhere.match)))
    found = mass.isfinite().any(dim=1)
    mass = mass.clamp(min=_NEVER)
    # Free: log(1/T), the score of "none", and the logs of the weights of match and presence.
    none = (retrieval + match).amax(dim=2) + _PRESENCE_START * present
    start = [np.log(20.0), float(none.amax(dim=1).mean()), 0.0, np.log(_PRESENCE_START)]
    free = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([free], max_iter=100, line_search_fn="strong_wolfe")

    def nll() -> Tensor:
        scores = (retrieval + free[2].exp() * match + known * (-free[0]).exp()).amax(dim=2)
        scores = scores + free[3].exp() * present
        logits = torch.cat([scores, free[1].expand(len(scores), 1)], dim=1) * free[0].exp()
        log_p = logits.log_softmax(dim=1)
        at_cell = torch.where(found, (log_p[:, :-1] + mass).logsumexp(dim=1), log_p[:, -1])
        return -(
            torch.logaddexp(at_cell, torch.tensor(_FLOOR, dtype=torch.float64).log()) * weight
        ).sum()

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = nll()
        torch.autograd.backward(loss)
        return loss

    cast(Any, optimiser).step(closure)  # untyped in torch
    with torch.no_grad():
        inverse, level, weight_, presence = (
            float(value) for value in (free[0].exp(), free[1], free[2].exp(), free[3].exp())
        )
        return float(nll()), 1.0 / inverse, level * inverse, weight_, presence


def _filled(presence: FloatArray) -> FloatArray:
    """Return the presence of all candidates ``[Q, K]``, see ``with_presence``."""
    return with_presence(np.zeros(presence.shape), presence, 1.0)


def _weights(inside: int, elsewhere: int) -> FloatArray:
    """Return the weight of each query, so that the prior of "elsewhere" holds."""
    parts = [
        np.full(inside, (1 - OUTSIDE_PRIOR) / max(1, inside)),
        np.full(elsewhere, OUTSIDE_PRIOR / max(1, elsewhere)),
    ]
    weights = np.concatenate(parts)
    shares: FloatArray = weights / weights.sum()
    return shares
