"""What an answer rests on, as results carry it for programs and reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Directions:
    """What each direction of a photo says for a place, in scores; columns to the right.

    Attributes:
        first_deg: true azimuth of the left edge of the first column.
        width_deg: of a column.
        told: for the place where positive, against it where negative ``[n]``; None if not seen.
        rivals: what it says on average for other places ``[n]``, None where there are none.
    """

    first_deg: float
    width_deg: float
    told: tuple[float | None, ...]
    rivals: tuple[float | None, ...] | None = None


@dataclass(frozen=True)
class PlaceEvidence:
    """What speaks for the place that the candidate of a rank means, and against it, in ``words``.

    ``directions`` is None where they were not looked at.
    """

    rank: int
    heading_deg: float | None
    words: tuple[str, ...]
    directions: Directions | None = None


@dataclass(frozen=True)
class Evidence:
    """What a result rests on: the kind of query, its limits, and places looked at closely.

    The first of ``places`` is the estimate, the others are what it was preferred to.
    """

    query: str
    limits: tuple[str, ...]
    places: tuple[PlaceEvidence, ...]
