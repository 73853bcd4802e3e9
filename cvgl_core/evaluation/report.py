"""What an evaluation found: one row a photo, and the figures of the field over all rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.evaluation.metrics import (
    expected_calibration_error,
    one_percent_vigor,
    recall_at,
    within,
)
from cvgl_core.types import Failure, FloatArray, LocalizationResult, Verdict


@dataclass(frozen=True)
class Truth:
    """Where a photo was really taken.

    Attributes:
        photo: file name, relative to the folder of the truth.
        lon, lat: of the camera.
        heading_deg: true azimuth of the optical axis.
        fov_deg: horizontal field of view.
    """

    photo: str
    lon: float
    lat: float
    heading_deg: float | None
    fov_deg: float | None


@dataclass(frozen=True)
class Outcome:
    """How one photo fared.

    Attributes:
        truth: what is known of it.
        result: what was found.
        retrieval_rank: of the right tile among all tiles by descriptor, from 0.
        rank: of the right tile after re-ranking, from 0; beyond the depth, its retrieval rank.
        error_m: geodesic distance of the estimate to the camera.
        given_tile_error_m: the same for the arg-max on the right tile.
        chosen_covers: whether the winning tile shows the camera's place anywhere.
        heading_error_deg: absolute error of the heading found, if it was searched.
    """

    truth: Truth
    result: LocalizationResult
    retrieval_rank: int
    rank: int
    error_m: float
    given_tile_error_m: float
    chosen_covers: bool
    heading_error_deg: float | None


@dataclass(frozen=True)
class EvaluationReport:
    """All outcomes over a gallery of ``gallery_size`` tiles."""

    gallery_size: int
    depth: int
    outcomes: tuple[Outcome, ...]
    failures: tuple[Failure, ...]

    def figures(self) -> dict[str, float]:
        """Return the field's figures; shares in [0, 1], distances in metres."""
        retrieval = np.array([o.retrieval_rank for o in self.outcomes], dtype=np.int64)
        ranks = np.array([o.rank for o in self.outcomes], dtype=np.int64)
        errors_m = _column([o.error_m for o in self.outcomes])
        given_m = _column([o.given_tile_error_m for o in self.outcomes])
        estimates = [o.result.estimate for o in self.outcomes]
        probability = _column([e.probability for e in estimates])
        figures: dict[str, float] = {"photos": len(self.outcomes), "tiles": self.gallery_size}
        for k in (1, 5, 10):
            figures[f"retrieval R@{k}"] = recall_at(retrieval, k)
        figures["retrieval R@1%"] = recall_at(retrieval, one_percent_vigor(self.gallery_size))
        figures[f"R@1 re-ranked, depth {self.depth}"] = recall_at(ranks, 1)
        figures["hit: chosen tile shows the place"] = float(
            np.mean([o.chosen_covers for o in self.outcomes])
        )
        for limit_m in (1, 5, 10, 25):
            figures[f"within {limit_m} m"] = within(errors_m, limit_m)
        figures["error median m"] = _percentile(errors_m, 50)
        figures["error p90 m"] = _percentile(errors_m, 90)
        figures["given the right tile, median m"] = _percentile(given_m, 50)
        figures["given the right tile, mean m"] = float(np.mean(given_m))
        figures["in the 50 % radius"] = _inside(errors_m, [e.radius_50_m for e in estimates])
        figures["in the 90 % radius"] = _inside(errors_m, [e.radius_90_m for e in estimates])
        figures["calibration error of the 10 m probability"] = expected_calibration_error(
            probability, errors_m <= 10
        )
        located = np.array([e.verdict is Verdict.LOCATED for e in estimates])
        figures["verdict located"] = float(located.mean())
        figures["within 10 m when located"] = within(errors_m[located], 10)
        figures["verdict not in area"] = float(
            np.mean([e.verdict is Verdict.NOT_IN_AREA for e in estimates])
        )
        turned = [o.heading_error_deg for o in self.outcomes if o.heading_error_deg is not None]
        if turned:
            figures["heading error median deg"] = _percentile(_column(turned), 50)
        return figures


def _column(values: Sequence[float]) -> FloatArray:
    return np.array(values, dtype=np.float64)


def _percentile(values: FloatArray, share: float) -> float:
    return float(np.percentile(values, share)) if len(values) else float("nan")


def _inside(errors_m: FloatArray, radii_m: Sequence[float]) -> float:
    """Return the share of errors within their own radius: what a calibrated radius should hold."""
    return float(np.mean(errors_m <= _column(radii_m)))
