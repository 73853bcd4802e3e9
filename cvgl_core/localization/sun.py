"""The camera's heading from a shadow: the sun's azimuth at a time, and where a shadow points."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from astral import Observer
from astral.sun import azimuth, elevation

from cvgl_core.errors import SettingsError
from cvgl_core.geo.angle import wrapped
from cvgl_core.geo.heading import HeadingPrior
from cvgl_core.types import LonLat, PhotoMetadata, Projection

READING_STD_DEG = 8.0
"""How well people read the direction of a shadow off a photo, unless they say otherwise."""

_LOWEST_DEG, _HIGHEST_DEG = 0.5, 80.0
_MOST_DEG = 2.0


@dataclass(frozen=True)
class Shadow:
    """What an analyst saw and knows.

    Attributes:
        away_deg: where shadows of upright things point, clockwise from the optical axis; 0 is
            straight away from the camera, 90 to the right.
        taken: when, with a time zone.
        std_deg: standard deviation of ``away_deg``.
    """

    away_deg: float
    taken: datetime
    std_deg: float = READING_STD_DEG


def heading_from_shadow(
    shadow: Shadow, middle: LonLat, corners: tuple[LonLat, ...]
) -> HeadingPrior:
    """Return the true azimuth of the optical axis.

    Args:
        shadow: what was seen.
        middle: of the area that is searched; its sun is taken.
        corners: of that area; how far their sun differs is added to the uncertainty.

    Raises:
        SettingsError: the sun was too low or too high to throw a telling shadow, or differs by
            more than 2 degrees within the area.
    """
    sun_deg = sun_azimuth_deg(shadow.taken, middle)
    off_deg = max(
        (abs(wrapped(sun_azimuth_deg(shadow.taken, at) - sun_deg)) for at in corners),
        default=0.0,
    )
    if off_deg > _MOST_DEG:
        raise SettingsError(
            f"the sun's azimuth differs by {off_deg:.1f} degrees within the area that is searched; "
            "narrow the search with --near or --aoi, or give --heading in place of the shadow"
        )
    return HeadingPrior(
        (sun_deg + 180.0 - shadow.away_deg) % 360.0, math.hypot(shadow.std_deg, off_deg)
    )


def sun_azimuth_deg(taken: datetime, at: LonLat) -> float:
    """Return where the sun stood, clockwise from true north.

    Raises:
        SettingsError: the time has no zone, or the sun was not where it throws shadows.
    """
    if taken.tzinfo is None:
        raise SettingsError(
            f"the time {taken.isoformat()} has no zone, so the sun could be anywhere; add it, for "
            f"example {taken.isoformat()}+02:00"
        )
    observer = Observer(at.lat, at.lon)
    height_deg = elevation(observer, taken, with_refraction=True)
    where = f"at {taken.isoformat()} the sun stood {height_deg:.1f} degrees above the horizon"
    if height_deg < _LOWEST_DEG:
        raise SettingsError(
            f"{where} there, so nothing threw a shadow; check the time and its zone"
        )
    if height_deg > _HIGHEST_DEG:
        raise SettingsError(f"{where} there: shadows are too short to tell a heading")
    return float(azimuth(observer, taken))


def column_azimuth_deg(column_px: float, metadata: PhotoMetadata, fov_deg: float | None) -> float:
    """Return how far a column of the photo lies clockwise from its middle.

    Args:
        column_px: from the left edge, pixels of the file as displayed.
        metadata: of the photo.
        fov_deg: horizontal field of view, in place of what the file says.

    Raises:
        SettingsError: the column lies outside, or the field of view is not known.
    """
    width_px = metadata.width_px
    if not 0 <= column_px <= width_px:
        raise SettingsError(f"column {column_px:g} lies outside the photo, {width_px} pixels wide")
    off_px = column_px - width_px / 2
    if metadata.projection is Projection.EQUIRECTANGULAR:
        return off_px * 360.0 / (metadata.pano_full_width_px or width_px)
    fov_deg = metadata.fov_deg if fov_deg is None else fov_deg
    if fov_deg is None:
        raise SettingsError(
            "the field of view is not known, so a column is no direction; give --fov DEG, or the "
            "shadow's direction as --shadow-deg"
        )
    focal_px = width_px / 2 / math.tan(math.radians(fov_deg) / 2)
    return math.degrees(math.atan2(off_px, focal_px))
