"""Why a place fits and another fits less: directions and differences of scores, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.export.sight import ColumnMatch, Sight, points, rivals_of
from cvgl_core.export.words import compass
from cvgl_core.types import FloatArray

_NAMED = 3
_LEAST = 0.005


@dataclass(frozen=True)
class Reasons:
    """What speaks for a place and against it, in words; empty where nothing does clearly.

    ``total`` says how well all directions fit together.
    """

    total: str
    for_it: str
    against: str


def reasons(first: Sight, others: Sequence[Sight]) -> Reasons | None:
    """Return what distinguishes a place from other places, or else from the average position."""
    match, rivals = first.match, rivals_of(first, others)
    if match is None:
        return None
    told = match.evidence if rivals is None else match.here - rivals
    seen = match.seen
    total = (
        f"All directions together: {100 * match.here[seen].sum():.1f} here, "
        f"{100 * match.usual[seen].sum():.1f} at the average position"
    )
    if rivals is not None:
        total += f", {100 * rivals[seen].sum():.1f} at the other places below (mean)"
    return Reasons(total, _directions(match, told, 1), _directions(match, told, -1))


def why_behind(first: Sight, other: Sight, match_weight: float) -> str:
    """Return by how much a place scores less than the first one, and in which directions.

    Args:
        first: the place that won.
        other: the one that did not.
        match_weight: of the match in a score.
    """
    won, lost = first.candidate, other.candidate
    likeness = lost.retrieval_score - won.retrieval_score
    directions = match_weight * (lost.match_score - won.match_score)
    presence = lost.presence_score - won.presence_score
    said = (
        f"Score {points(likeness + directions + presence)} compared with the first place: "
        f"{points(likeness)} by the likeness of the whole view, {points(directions)} by its "
        f"directions, {points(presence)} by how clearly one point of the square stands out."
    )
    if first.match is None or other.match is None or first.heading_deg is None:
        return said
    turned_deg = (other.heading_deg or 0.0) - first.heading_deg
    theirs = rivals_of(first, [other])
    assert theirs is not None
    worse = _directions(first.match, theirs - first.match.here, -1)
    better = _directions(first.match, theirs - first.match.here, 1)
    as_first = " (azimuths as at the first place)" if abs(turned_deg) > 1.0 else ""
    if worse:
        said += f" Fits worse{as_first}: {worse}."
    if better:
        said += f" Fits better{as_first}: {better}."
    return said


def _directions(match: ColumnMatch, told: FloatArray, sign: int) -> str:
    """Return the columns that say most with a sign, as azimuths with their evidence."""
    told = np.where(match.seen, told, 0.0)
    order = np.argsort(-sign * told, kind="stable")[:_NAMED]
    named = [column for column in order if sign * told[column] >= _LEAST]
    return ", ".join(
        f"{_span(match, int(column))} ({points(float(told[column]))})" for column in named
    )


def _span(match: ColumnMatch, column: int) -> str:
    """Return the azimuths of a column, with the nearest compass point."""
    left_deg = match.first_deg + column * match.width_deg
    right_deg = left_deg + match.width_deg
    name = compass((left_deg + right_deg) / 2.0)
    return f"{name} {round(left_deg) % 360}\u2013{round(right_deg) % 360}°"
