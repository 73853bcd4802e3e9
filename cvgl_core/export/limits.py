"""What a result can bear and what it cannot, in words, for this photo and this imagery."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cvgl_core.export.words import metres, percent
from cvgl_core.types import GroundView, LocalizationResult, Verdict

FULL_VIEW = 0.9
"""Share of the circle from which a view counts as all of it."""

_FAR_DAYS = 365
_COARSE = 1.5


@dataclass(frozen=True)
class ImagerySource:
    """A raster that was searched.

    Attributes:
        name: of the file.
        acquired: ISO 8601, or empty where that is not known.
        gsd_m_per_px: of the raster itself.
        fingerprint: SHA-256 of what was read of it.
    """

    name: str
    acquired: str
    gsd_m_per_px: float
    fingerprint: str


def query_of(result: LocalizationResult) -> str:
    """Return in words what a result's photo shows and what is known of its heading."""
    return "photo from above" if result.from_above else query_kind(result.view)


def query_kind(view: GroundView) -> str:
    """Return what kind of question the photo was."""
    seen = float(view.visible.mean())
    width = "a full circle" if seen >= FULL_VIEW else f"{360.0 * seen:.0f}° of the circle"
    north = "its heading given" if view.centre_azimuth_deg is not None else "its heading searched"
    return f"{width}, {north}"


def limits(result: LocalizationResult, sources: Sequence[ImagerySource]) -> list[str]:
    """Return sentences that belong beside the figures, what is particular to this result first."""
    return [
        *_of_verdict(result),
        *_of_order(result),
        *_of_query(result),
        *_of_calibration(result),
        *_of_imagery(result, sources),
    ]


def _of_verdict(result: LocalizationResult) -> list[str]:
    """Return what the verdict leaves open."""
    outside = percent(result.posterior.outside_probability)
    if result.estimate.verdict is Verdict.NOT_IN_AREA:
        return [
            "“Not in this area” means that no square of this imagery fits better than places that "
            f"are wrong usually do (probability {outside}). It does not say where the photo was "
            "taken, and imagery that has changed, or is blurred, can cause it."
        ]
    if result.estimate.verdict is not Verdict.AMBIGUOUS:
        return []
    said = [
        "The verdict is ambiguous: do not report the place without another source that rules out "
        "the alternatives."
    ]
    if result.posterior.outside_probability > 0.5:
        said.append(
            f"The probability of “elsewhere” ({outside}) was not taken as a verdict: for this kind "
            "of photo low scores are no evidence that it was taken elsewhere."
        )
    return said


def _of_order(result: LocalizationResult) -> list[str]:
    """Return why the square named first may not have the best score."""
    best = max((candidate.score for candidate in result.candidates), default=0.0)
    if not result.candidates or result.candidates[0].score >= best:
        return []
    return [
        "The square named first is not the one of the best score: the place found lies in its "
        "middle, and several overlapping squares may have voted for it. Look at the others, too."
    ]


def _of_query(result: LocalizationResult) -> list[str]:
    """Return what the kind of photo means for the answer."""
    if result.from_above:
        return [
            "The place is the point of the ground under the camera. The photo was laid out as a "
            "map as if the ground were level: height, tilt and field of view that are wrong, and "
            "tall buildings, move it."
        ]
    view, said = result.view, []
    seen = float(view.visible.mean())
    if seen < FULL_VIEW:
        said.append(
            f"The photo shows {360.0 * seen:.0f}° of the circle; the rest says nothing, and many "
            "places share what is left. Expect far more wrong answers than with a panorama."
        )
    if view.centre_azimuth_deg is None:
        std_deg = result.estimate.heading_std_deg
        found = "" if std_deg is None else f" (± {std_deg:.0f}°, one standard deviation)"
        said.append(
            f"The heading was searched, not known. All azimuths shown count from the one that was "
            f"found{found}; if it is wrong, the place is."
        )
    else:
        source = result.metadata.sources.get("heading_deg", "given by the user")
        said.append(
            f"The heading was taken as known (from: {source}) and not checked; if it is off by "
            "more than about 10°, so is the answer."
        )
    return said


def _of_calibration(result: LocalizationResult) -> list[str]:
    """Return what the probabilities mean."""
    settings = result.provenance.settings
    fitted_on = settings.get("calibrated_on", "nothing")
    if fitted_on == "nothing" or settings.get("calibrated_for_such_photos") == "no":
        return [
            "These weights were not calibrated for photos of this kind: read the probabilities as "
            "an order of the candidates, not as frequencies."
        ]
    return [
        "“Probability” is a calibrated share: of many answers with 80 %, about 80 in 100 were "
        f"right on the photos that it was fitted on ({fitted_on}). On other photos and imagery it "
        "is an indication, not a measurement."
    ]


def _of_imagery(result: LocalizationResult, sources: Sequence[ImagerySource]) -> list[str]:
    """Return what age and sharpness of the imagery mean."""
    said = [_of_dates(result, sources)]
    cell_m = result.posterior.cell_m
    coarse = [s for s in sources if s.gsd_m_per_px > _COARSE * cell_m]
    if coarse:
        said.append(
            f"Imagery of {metres(max(s.gsd_m_per_px for s in coarse))} per pixel was enlarged to "
            f"the {cell_m:.2f} m that the network reads; it lacks detail that the match relies on."
        )
    return said


def _of_dates(result: LocalizationResult, sources: Sequence[ImagerySource]) -> str:
    """Return how far photo and imagery are apart in time."""
    taken = _day(result.metadata.taken_at or "")
    days = [day for day in (_day(source.acquired) for source in sources) if day is not None]
    change = "Buildings, trees and markings change; look for what is older than both."
    if taken is None or not days:
        missing = " and ".join(
            name
            for name, known in (("the photo", taken is not None), ("the imagery", bool(days)))
            if not known
        )
        return f"The date of {missing} is not stated. {change}"
    span = f"{min(days)}" if min(days) == max(days) else f"{min(days)} to {max(days)}"
    far = min(abs((taken - day).days) for day in days) > _FAR_DAYS
    years = min(abs((taken - day).days) for day in days) / 365.25
    apart = f", at least {years:.0f} years apart" if far else ""
    return f"Photo of {taken} (as its file says), imagery of {span}{apart}. {change}"


def _day(text: str) -> date | None:
    """Return the day that an ISO 8601 text begins with; of a year or month the first."""
    found = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?!\d)", text)
    try:
        return date(*(int(part or 1) for part in found.groups())) if found else None
    except ValueError:
        return None
