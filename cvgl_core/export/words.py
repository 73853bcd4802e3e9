"""Results in words, for people: verdicts, figures, compass points, safe text."""

from __future__ import annotations

import math
import unicodedata

from cvgl_core.types import Confidence, Estimate, LocalizationResult, LonLat, Verdict

POINTS = (
    "north", "north-north-east", "north-east", "east-north-east", "east", "east-south-east",
    "south-east", "south-south-east", "south", "south-south-west", "south-west", "west-south-west",
    "west", "west-north-west", "north-west", "north-north-west",
)  # fmt: skip

TITLES = {
    Verdict.LOCATED: "Located",
    Verdict.AMBIGUOUS: "Ambiguous",
    Verdict.NOT_IN_AREA: "Not in this area",
}
CONFIDENCE = {
    Confidence.STRONG: "strong evidence",
    Confidence.POSSIBLE: "possible",
    Confidence.WEAK: "weak evidence",
    Confidence.NONE: "no evidence",
}


def plain(value: object, limit: int = 300) -> str:
    """Return text whose control and text-direction characters are spelled out, not obeyed."""
    shown = (
        character if unicodedata.category(character)[0] != "C" else f"\\u{ord(character):04x}"
        for character in str(value)[:limit]
    )
    return "".join(shown)


def percent(probability: float) -> str:
    """Return a probability as a percentage that never claims 0 or 100."""
    if not math.isfinite(probability):
        return "unknown"
    if probability < 0.01:
        return "under 1 %"
    if probability > 0.99:
        return "over 99 %"
    return f"{probability:.0%}".replace("%", " %")


def metres(value_m: float | None) -> str:
    """Return a distance with as many figures as it deserves."""
    if value_m is None or not math.isfinite(value_m):
        return "unknown"
    if value_m < 10.0:
        return f"{value_m:.1f} m"
    if value_m < 2000.0:
        return f"{value_m:.0f} m"
    return f"{value_m / 1000:.1f} km" if value_m < 100_000.0 else f"{value_m / 1000:,.0f} km"


def compass(azimuth_deg: float) -> str:
    """Return the nearest of sixteen compass points."""
    return POINTS[round(azimuth_deg / 22.5) % 16]


def lonlat(place: LonLat) -> str:
    """Return a place as people write it: latitude first, with letters."""
    north = "N" if place.lat >= 0 else "S"
    east = "E" if place.lon >= 0 else "W"
    return f"{abs(place.lat):.6f}° {north}, {abs(place.lon):.6f}° {east}"


def heading(estimate: Estimate) -> str:
    """Return where the camera looked."""
    if estimate.heading_deg is None or not math.isfinite(estimate.heading_deg):
        return "unknown"
    text = f"{estimate.heading_deg % 360:.0f}° ({compass(estimate.heading_deg)})"
    if estimate.heading_std_deg is not None and math.isfinite(estimate.heading_std_deg):
        text += f" ± {estimate.heading_std_deg:.0f}°"
    return text


def summary(result: LocalizationResult) -> str:
    """Return the verdict as sentences, no surer than the figures."""
    estimate = result.estimate
    outside = percent(result.posterior.outside_probability)
    place = lonlat(LonLat(estimate.lon, estimate.lat))
    if estimate.verdict is Verdict.NOT_IN_AREA:
        return (
            "No place in this imagery explains the photo well. The chance that it was taken"
            f" elsewhere is {outside}. The best place found inside, {place}, is shown below for"
            " completeness and should not be relied on."
        )
    radius = (
        f"Within the area, half of the probability lies within {metres(estimate.radius_50_m)} of"
        f" it and nine tenths within {metres(estimate.radius_90_m)}."
    )
    if estimate.verdict is Verdict.AMBIGUOUS:
        return (
            f"More than one place explains the photo. The likeliest, {place}, holds"
            f" {percent(estimate.probability)} of the probability. {radius} The chance that the"
            f" photo was taken outside this imagery is {outside}."
        )
    return (
        f"The camera most likely stood at {place}. This place holds"
        f" {percent(estimate.probability)} of the probability. {radius} The chance that the photo"
        f" was taken outside this imagery is {outside}."
    )


def ordinal(rank: int) -> str:
    """Return 1st, 2nd, 3rd, 4th ..."""
    if rank % 100 in (11, 12, 13):
        return f"{rank}th"
    return f"{rank}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(rank % 10, 'th') }"
