"""Photos as people have them on a data set with known places: what each kind of query reaches.

Every view of the data set is asked as queries of one kind, and views from elsewhere as well. The
path is that of ``Localizer``, but for re-centring, which only names another tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.evaluation.accuracy import NEAR_M, auroc
from cvgl_core.evaluation.asking import Asked, Asker, heading_errors_deg
from cvgl_core.evaluation.calibration import OUTSIDE_PRIOR
from cvgl_core.evaluation.evalset import EvalSet, area_m2
from cvgl_core.evaluation.metrics import Interval, bootstrap, expected_calibration_error
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.scoring import Candidates, Scorer
from cvgl_core.evaluation.store import TileStore
from cvgl_core.localization.estimate import distances, fused_mode, mass_near, mass_within
from cvgl_core.localization.heading import search_heading
from cvgl_core.localization.kinds import calibration_for, kind_of
from cvgl_core.localization.posterior import Vote, fuse, tile_probabilities
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.localization.verdict import judge
from cvgl_core.models.presence import presence_of, with_presence
from cvgl_core.types import (
    BoolArray,
    FloatArray,
    IntArray,
    Progress,
    QueryKind,
    Verdict,
    no_progress,
)

_BLOCK = 64


@dataclass(frozen=True)
class Question:
    """One row of the table.

    Attributes:
        kind: what queries show, and what is known of them.
        framed: whether they are frames of a perspective camera, not parts of a panorama.
    """

    kind: QueryKind
    framed: bool = False

    @property
    def name(self) -> str:
        """In a few words."""
        shape = "photo" if self.framed else "panorama"
        return f"{self.kind.fov_deg:.0f} degrees ({shape}), heading {self.kind.heading}"


@dataclass(frozen=True)
class KindFound:
    """What was found for queries of one kind, ``[Q]`` each.

    Attributes:
        question: the kind.
        gallery_size: tiles searched.
        rank: of the right tile by descriptor, 0 is best.
        right: whether the best tile after re-ranking is the right one.
        error_m: from the mode of the posterior to the camera.
        heading_error_deg: NaN where the heading was known.
        probability: stated for a camera within 10 m.
        verdict: as ``Verdict``'s values.
        stranger_probability: the same of queries from elsewhere ``[S]``.
        stranger_verdict: the same ``[S]``.
    """

    question: Question
    gallery_size: int
    rank: IntArray
    right: BoolArray
    error_m: FloatArray
    heading_error_deg: FloatArray
    probability: FloatArray
    verdict: tuple[str, ...]
    stranger_probability: FloatArray
    stranger_verdict: tuple[str, ...]

    @property
    def figures(self) -> dict[str, Interval]:
        """Shares in [0, 1], metres and degrees, each with its 95 % interval by view."""
        near = self.error_m <= NEAR_M
        own = np.ones(len(near))
        # Calibrations take a share of queries to come from elsewhere: so many are asked for ECE.
        fair = round(len(near) * OUTSIDE_PRIOR / (1 - OUTSIDE_PRIOR))
        stated = self._with_strangers(self.probability, near, fair)
        told = self._with_strangers(self.probability, own)
        figures = {
            "r@1": bootstrap(_mean, (self.rank == 0).astype(np.float64)),
            "reranked_r@1": bootstrap(_mean, self.right.astype(np.float64)),
        }
        for limit_m in (1, 5, 10):
            hit = (self.error_m <= limit_m).astype(np.float64)
            figures[f"within_{limit_m}_m"] = bootstrap(_mean, hit)
        figures["heading_error_deg"] = bootstrap(_median, self.heading_error_deg)
        figures["heading_error_deg_if_within_10_m"] = bootstrap(
            _median, self.heading_error_deg[near]
        )
        figures["ece"] = bootstrap(_ece, stated)
        figures["auroc"] = bootstrap(auroc, told)
        figures["located"] = self._share(self.verdict, Verdict.LOCATED)
        located = np.array([verdict == Verdict.LOCATED for verdict in self.verdict])
        figures["located_within_10_m"] = bootstrap(_mean, near[located].astype(np.float64))
        figures["strangers_located"] = self._share(self.stranger_verdict, Verdict.LOCATED)
        figures["strangers_not_in_area"] = self._share(self.stranger_verdict, Verdict.NOT_IN_AREA)
        return figures

    def _with_strangers(
        self, stated: FloatArray, true: FloatArray | BoolArray, limit: int | None = None
    ) -> FloatArray:
        """Return stated probabilities and what came true ``[Q + S, 2]``; of strangers, some."""
        others = self.stranger_probability[_spread(len(self.stranger_probability), limit)]
        return np.stack(
            [
                np.concatenate([stated, others]),
                np.concatenate([np.asarray(true, dtype=np.float64), np.zeros(len(others))]),
            ],
            axis=1,
        )

    @staticmethod
    def _share(verdicts: Sequence[str], wanted: Verdict) -> Interval:
        return bootstrap(_mean, np.array([float(verdict == wanted) for verdict in verdicts]))


@dataclass(frozen=True)
class _Answer:
    """The answer to one query; places in lattice metres."""

    first: int
    x_m: float
    y_m: float
    probability: float
    heading_deg: float
    verdict: Verdict


class KindBenchmark:
    """One gallery, described once, and asked in every way."""

    def __init__(
        self,
        data: EvalSet,
        strangers: EvalSet,
        network: Network,
        settings: LocalizeSettings | None = None,
        progress: Progress = no_progress,
    ) -> None:
        self._data = data
        self._strangers = strangers
        self._network = network
        self._settings = settings or LocalizeSettings()
        store = TileStore(data, network, progress=progress)
        self._score = Scorer(store, network, self._settings.depth)
        self._side_px = store.tile_px

    def __call__(
        self, question: Question, limit: int | None = None, progress: Progress = no_progress
    ) -> KindFound:
        """Ask one question of every view, or of ``limit`` of them spread over all."""
        card = self._network.card
        ask = Asker(question.kind, card, framed=float(question.framed), seed=1)
        own = _spread(len(self._data.positive), limit)
        asked, found, answers = self._answers(self._data, own, ask, question.name, progress)
        others = _spread(len(self._strangers.positive), limit)
        strangers = self._answers(self._strangers, others, ask, "strangers", progress)[2]
        positive = self._data.positive[own]
        best = np.stack([each.best for each in found])
        at = best[np.arange(len(own)), positive]
        headings = np.array([answer.heading_deg for answer in answers])
        return KindFound(
            question,
            best.shape[1],
            (best > at[:, None]).sum(axis=1),
            np.array([answer.first for answer in answers]) == positive,
            self._errors_m(own, answers),
            heading_errors_deg(headings, np.array([each.heading_deg for each in asked])),
            np.array([answer.probability for answer in answers]),
            tuple(answer.verdict for answer in answers),
            np.array([answer.probability for answer in strangers]),
            tuple(answer.verdict for answer in strangers),
        )

    def _answers(
        self, source: EvalSet, views: IntArray, ask: Asker, name: str, progress: Progress
    ) -> tuple[list[Asked], list[Candidates], list[_Answer]]:
        asked: list[Asked] = []
        found: list[Candidates] = []
        answers: list[_Answer] = []
        for done, view in enumerate(views.tolist()):
            progress(name, done, len(views))
            asked.append(ask(source.views(view, view + 1)[0], view))
            found.append(self._score(asked[-1]))
            answers.append(self._answer(asked[-1], found[-1]))
        progress(name, len(views), len(views))
        return asked, found, answers

    def _answer(self, asked: Asked, found: Candidates) -> _Answer:
        """Fuse the candidates of one query as ``Localizer.settle`` does."""
        settings = self._settings
        chosen = calibration_for(self._network.card, kind_of(asked.view, asked.prior))
        matched = found.scores(chosen.calibration)
        closer, logits = self._score.closer(found, matched)
        presence = presence_of(len(matched), closer, logits)
        totals = with_presence(matched.max(axis=1), presence, chosen.calibration.presence_weight)
        order = np.argsort(-totals, kind="stable")[: settings.fused_tiles]
        tiles, scores = found.tiles[order], matched[order]
        calibration = chosen.calibration.among(area_m2(self._data))
        shares = tile_probabilities(totals[order], calibration)
        known = dict(zip(closer.tolist(), logits, strict=True))
        wanted = np.flatnonzero(
            (np.arange(len(tiles)) < settings.top_k) | (shares.tiles >= settings.decode_probability)
        )
        missing = wanted[~np.isin(order[wanted], closer)]
        decoded = self._score.decode(found.query, tiles[missing], scores[missing].argmax(axis=1))
        known |= dict(zip(order[missing].tolist(), decoded, strict=True))
        flat = np.broadcast_to(np.float32(0), (self._side_px, self._side_px))
        votes = [
            Vote(int(row), int(col), float(share), known.get(place, flat))
            for place, (row, col), share in zip(
                order.tolist(), self._data.corner_px[tiles], shares.tiles, strict=True
            )
        ]
        cell_m = float(self._data.tile_side_m[tiles[0]]) / self._side_px
        field = fuse(votes, cell_m, chosen.calibration.heatmap_temperature)
        place = fused_mode(field, votes, settings.smoothing_m)
        cells = field.cells()
        away_m = distances(cells, cell_m, place)
        probability = mass_within(cells.mass, away_m, settings.near_estimate_m)
        heading_deg = float("nan")
        if asked.view.centre_azimuth_deg is None:
            temperature, near_m = chosen.calibration.heatmap_temperature, settings.near_estimate_m
            near = [mass_near(vote, cell_m, place, near_m, temperature) for vote in votes]
            heading_deg = search_heading(
                list(scores), np.array(near), chosen.calibration.temperature, found.turns_deg
            ).heading_deg
        judged = judge(probability, shares.outside, settings, chosen.fits)
        return _Answer(
            int(tiles[0]), place.x_m, place.y_m, probability, heading_deg, judged.verdict
        )

    def _errors_m(self, views: IntArray, answers: Sequence[_Answer]) -> FloatArray:
        """Return the distance of each answer to its camera; infinite in another city."""
        tiles = self._data.positive[views]
        cell_m = self._data.tile_side_m[tiles] / self._side_px
        corner = self._data.corner_px[tiles] + self._side_px / 2
        offset_m = self._data.offset_m(views, tiles)
        camera_x_m = corner[:, 1] * cell_m + offset_m[:, 0]
        camera_y_m = -corner[:, 0] * cell_m + offset_m[:, 1]
        found_m = np.array([(answer.x_m, answer.y_m) for answer in answers])
        return np.asarray(np.hypot(found_m[:, 0] - camera_x_m, found_m[:, 1] - camera_y_m))


def _spread(count: int, limit: int | None) -> IntArray:
    return np.unique(np.linspace(0, count - 1, min(limit or count, count)).astype(np.int64))


def _mean(values: FloatArray) -> float:
    return float(values.mean())


def _median(values: FloatArray) -> float:
    return float(np.median(values))


def _ece(rows: FloatArray) -> float:
    return expected_calibration_error(rows[:, 0], rows[:, 1] > 0)
