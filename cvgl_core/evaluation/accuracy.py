"""What a benchmark found: a row for each view, and the field's figures with their intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cvgl_core.evaluation.metrics import (
    Interval,
    Reliability,
    bootstrap,
    expected_calibration_error,
    one_percent_sample4geo,
    one_percent_vigor,
    reliability,
    within,
)
from cvgl_core.evaluation.ranking import Ranks
from cvgl_core.types import BoolArray, FloatArray, IntArray

PAPER_DEPTH = 5
NEAR_M = 10.0
"""A place counts as right within this distance, which is also that of its probability."""


@dataclass(frozen=True)
class Subject:
    """What was measured.

    Attributes:
        data: name of the data set, its protocol and part.
        labels: where the true places come from.
        model: name of the network.
        weights_sha256: of its weights, if they came from a file.
        gallery_size: tiles ``N``.
        depth: tiles that this project re-ranks and fuses.
        metric: whether metres mean anything: places are labelled, and the size of tiles is known.
    """

    data: str
    labels: str
    model: str
    weights_sha256: str | None
    gallery_size: int
    depth: int
    metric: bool


@dataclass(frozen=True)
class Reranked:
    """The arg-max on the tile that comes first after re-ranking at one depth.

    Attributes:
        rank: of the right tile after re-ranking, from 0, ``[Q]``.
        covers: whether the winning tile shows the camera ``[Q]``.
        error_m: of the arg-max on the winning tile ``[Q]``; infinite in another city.
    """

    rank: IntArray
    covers: BoolArray
    error_m: FloatArray


@dataclass(frozen=True)
class Fused:
    """This project's way: the mode of the posterior over all candidates.

    Attributes:
        error_m: of the estimate ``[Q]``.
        tile_probability: of the winning tile ``[Q]``.
        probability: of a camera within 10 m of the estimate ``[Q]``.
        radius_50_m, radius_90_m: round the estimate ``[Q]``.
    """

    error_m: FloatArray
    tile_probability: FloatArray
    probability: FloatArray
    radius_50_m: FloatArray
    radius_90_m: FloatArray


@dataclass(frozen=True)
class Accuracy:
    """All that one benchmark measured.

    Attributes:
        subject: what was measured.
        retrieved: ranks by the global descriptors alone.
        near: whether the first tile by descriptor is the right one or a semi-positive ``[Q]``.
        covers: whether it shows the camera ``[Q]``.
        paper: the paper's way: its depth, and both terms of Eq. 4 with the same weight.
        by_depth: re-ranking with the model's own weight at each depth, shallowest first.
        given_m: error of the arg-max on the right tile ``[Q]``.
        fused: this project's way at its depth.
        strangers: the same for views from elsewhere, asked for calibration alone.
        seconds: spent in each stage, of the whole benchmark.
        match_seconds: to match one view with so many tiles whose maps are kept; empty if they
            did not fit.
    """

    subject: Subject
    retrieved: Ranks
    near: BoolArray
    covers: BoolArray
    paper: Reranked
    by_depth: dict[int, Reranked]
    given_m: FloatArray
    fused: Fused
    strangers: Fused | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    match_seconds: dict[int, float] = field(default_factory=dict)

    @cached_property
    def figures(self) -> dict[str, Interval]:
        """The main figures: shares in [0, 1], and those whose names end in ``_m`` in metres."""
        figures = self._retrieval()
        if self.subject.metric:
            figures |= self._metric() | self._calibration()
        return figures | self._gains()

    def tile_reliability(self) -> Reliability:
        """Return the reliability of the winning tile's probability, strangers included."""
        rows = self._with_strangers("tile_probability", self._tile_right())
        return reliability(rows[:, 0], rows[:, 1] > 0)

    def place_reliability(self) -> Reliability:
        """Return the reliability of the probability of a place within 10 m, strangers included."""
        rows = self._with_strangers("probability", self.fused.error_m <= NEAR_M)
        return reliability(rows[:, 0], rows[:, 1] > 0)

    def _with_strangers(self, name: str, right: BoolArray) -> FloatArray:
        """Return stated probabilities and what came true ``[Q, 2]``; strangers are never right."""
        rows = np.stack([getattr(self.fused, name), right], axis=1)
        if self.strangers is None:
            return rows
        stated: FloatArray = getattr(self.strangers, name)
        return np.concatenate([rows, np.stack([stated, np.zeros(len(stated))], axis=1)])

    def _tile_right(self) -> BoolArray:
        return np.asarray(self.by_depth[self.subject.depth].rank == 0)

    def _retrieval(self) -> dict[str, Interval]:
        rank, size = self.retrieved.rank, self.subject.gallery_size
        figures = {f"r@{k}": _share(rank < k) for k in (1, 5, 10)}
        figures["r@1%_vigor"] = _share(rank < one_percent_vigor(size))
        figures["r@1%_sample4geo"] = _share(rank < one_percent_sample4geo(size))
        figures["hit_rate_code"] = _share(self.retrieved.rank_of_others == 0)
        figures["hit_rate_prose"] = _share(self.near)
        figures |= {f"{way}_r@1": _share(at.rank == 0) for way, at in self.reranked().items()}
        if self.subject.metric:
            figures["cover_rate"] = _share(self.covers)
            for way, at in self.reranked().items():
                figures[f"{way}_cover_rate"] = _share(at.covers)
        return figures

    def _metric(self) -> dict[str, Interval]:
        figures = {
            "given_tile_mean_m": bootstrap(_mean, self.given_m),
            "given_tile_median_m": bootstrap(_median, self.given_m),
            "given_tile_p90_m": bootstrap(_p90, self.given_m),
        }
        for way, error_m in self.ways().items():
            for limit_m in (1, 5, 10):
                figures[f"{way}_r@{limit_m}m"] = _share(error_m <= limit_m)
            figures[f"{way}_median_m"] = bootstrap(_median, error_m)
        return figures

    def reranked(self) -> dict[str, Reranked]:
        """Return the paper's re-ranking and this project's, by way and depth."""
        depth = self.subject.depth
        own = {f"argmax_{depth}": self.by_depth[depth]}
        return {f"unifygeo_{self.paper_depth}": self.paper} | own

    def ways(self) -> dict[str, FloatArray]:
        """Return the errors of the whole pipeline, ``[Q]`` in metres, by way and depth."""
        errors = {way: found.error_m for way, found in self.reranked().items()}
        return errors | {f"fused_{self.subject.depth}": self.fused.error_m}

    def _gains(self) -> dict[str, Interval]:
        """Return paired comparisons, each resampled by view."""
        gains = {}
        for way, found in self.reranked().items():
            both = np.stack([found.rank == 0, self.retrieved.rank == 0], axis=1)
            gains[f"gain_r@1_{way}"] = bootstrap(_difference, both.astype(np.float64))
            if self.subject.metric:
                errors_m = np.stack([self.fused.error_m, found.error_m], axis=1)
                relative = bootstrap(_relative, (errors_m <= 1).astype(np.float64))
                gains[f"gain_r@1m_fused_over_{way}"] = relative
        return gains

    def _calibration(self) -> dict[str, Interval]:
        fused = self.fused
        tile = self._with_strangers("tile_probability", self._tile_right())
        place = self._with_strangers("probability", fused.error_m <= NEAR_M)
        told = {} if self.strangers is None else {"auroc_strangers": self._strangers_told()}
        return told | {
            "ece_tile": bootstrap(_ece, tile),
            "ece_place": bootstrap(_ece, place),
            "in_radius_50": _share(fused.error_m <= fused.radius_50_m),
            "in_radius_90": _share(fused.error_m <= fused.radius_90_m),
        }

    def _strangers_told(self) -> Interval:
        """Return the area under the curve of telling strangers by the place's probability."""
        known = self._with_strangers("probability", np.ones(len(self.fused.error_m), dtype=bool))
        return bootstrap(auroc, known)

    @property
    def paper_depth(self) -> int:
        """The paper's depth, or all tiles of a smaller gallery."""
        return min(PAPER_DEPTH, self.subject.gallery_size)


def within_curve(error_m: FloatArray, thresholds_m: FloatArray) -> FloatArray:
    """Return the share of errors up to each threshold (inclusive), ``[T]``."""
    return np.array([within(error_m, float(limit)) for limit in thresholds_m])


def _share(hit: BoolArray) -> Interval:
    return bootstrap(_mean, hit.astype(np.float64))


def _mean(values: FloatArray) -> float:
    return float(values.mean())


def _median(values: FloatArray) -> float:
    return float(np.median(values))


def _p90(values: FloatArray) -> float:
    return float(np.percentile(values, 90))


def _difference(rows: FloatArray) -> float:
    return float(rows[:, 0].mean() - rows[:, 1].mean())


def _relative(rows: FloatArray) -> float:
    """Return how much more often the first column holds than the second, as a share of that."""
    second = float(rows[:, 1].mean())
    return float(rows[:, 0].mean()) / second - 1 if second else float("nan")


def auroc(rows: FloatArray) -> float:
    """Return how often a row with a true second column has the higher first one; ties half."""
    order = np.argsort(rows[:, 0], kind="stable")
    _, place, count = np.unique(rows[order, 0], return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[place]
    right = rows[order, 1] > 0
    first, second = int(right.sum()), int((~right).sum())
    if not first or not second:
        return float("nan")
    return float((rank[right].sum() - first * (first + 1) / 2) / (first * second))


def _ece(rows: FloatArray) -> float:
    return expected_calibration_error(rows[:, 0], rows[:, 1] > 0)
