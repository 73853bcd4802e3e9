"""Why a place fits and another fits less: directions and differences of scores, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.evidence import Directions, Evidence, PlaceEvidence
from cvgl_core.export.limits import ImagerySource, limits, query_of
from cvgl_core.export.sight import ColumnMatch, Sight, points, rivals_of
from cvgl_core.export.words import compass
from cvgl_core.types import FloatArray, LocalizationResult

_NAMED = 3
_LEAST = 0.005
_DECIMALS = 5


@dataclass(frozen=True)
class Reasons:
    """What speaks for a place and against it, in words; empty where nothing does clearly.

    ``total`` says how well all directions fit together.
    """

    total: str
    for_it: str
    against: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it, a sentence each."""
        named = (("Speaks for it", self.for_it), ("Speaks against it", self.against))
        return (f"{self.total}.", *(f"{name}: {told}." for name, told in named if told))


def evidence_of(
    result: LocalizationResult, sights: Sequence[Sight], sources: Sequence[ImagerySource]
) -> Evidence:
    """Return for programs what a report shows: words, and what each direction says.

    Args:
        result: the answer.
        sights: the estimate, then other places that candidates mean.
        sources: imagery that was searched.
    """
    places: list[PlaceEvidence] = []
    if sights:
        first, others = sights[0], sights[1:]
        why, weight = reasons(first, others), match_weight(result)
        places += [_place(first, () if why is None else why.sentences, rivals_of(first, others))]
        places += [_place(other, (why_behind(first, other, weight),)) for other in others]
    return Evidence(query_of(result), tuple(limits(result, sources)), tuple(places))


def match_weight(result: LocalizationResult) -> float:
    """Return the weight of the match in a score; see ``Calibration``."""
    return float(result.provenance.settings.get("match_weight", "1"))


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


def _place(sight: Sight, words: tuple[str, ...], rivals: FloatArray | None = None) -> PlaceEvidence:
    """Return what is told of one place."""
    match = sight.match
    directions = None
    if match is not None:
        others = None if rivals is None else _seen(match, rivals - match.usual)
        told = _seen(match, match.evidence)
        directions = Directions(match.first_deg % 360.0, match.width_deg, told, others)
    return PlaceEvidence(sight.candidate.rank, sight.heading_deg, words, directions)


def _seen(match: ColumnMatch, told: FloatArray) -> tuple[float | None, ...]:
    """Return what columns say, rounded; None for those that the photo does not show."""
    return tuple(
        round(float(one), _DECIMALS) if shown else None
        for one, shown in zip(told, match.seen, strict=True)
    )


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
