"""The azimuth of the optical axis, from true north: poses of XMP, EXIF, and what a compass said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cvgl_core.photo import values
from cvgl_core.photo.flight import gimbal_name
from cvgl_core.photo.notes import Notes

TRACK, DIRECTION_REF, DIRECTION = 15, 16, 17
MODEL_YEARS = range(1900, 2030)
MIN_HORIZONTAL_NT = 2000.0
"""Weaker horizontal fields are the blackout zone of the World Magnetic Model: compasses fail."""


@dataclass(frozen=True)
class Heading:
    """Azimuth of the optical axis in degrees, from true north and as the compass showed it."""

    true_deg: float | None = None
    magnetic_deg: float | None = None


def read_heading(
    gps: Mapping[int, object],
    xmp: Mapping[str, str],
    panorama: bool,
    lonlat: tuple[float, float] | None,
    taken_at: str | None,
    notes: Notes,
) -> Heading:
    """Return the azimuth of the optical axis (middle of a panorama).

    A panorama's own GPano pose comes before EXIF, except that a pose of exactly 0 is what some
    cameras write for "not known". A compass direction becomes a true one by the magnetic model,
    at the place and time that the file states; without these it is not used.
    """
    name = "GPano:PoseHeadingDegrees" if panorama else gimbal_name(xmp, "Yaw")
    pose_deg = notes.angle(xmp, name, -180.0, 360.0)
    stated_deg, magnetic, source = _exif_direction(gps, notes)
    magnetic_deg = stated_deg if magnetic else None
    exif_deg = stated_deg
    if magnetic_deg is not None:
        exif_deg, source = _true(magnetic_deg, lonlat, taken_at, source, notes)
        notes.found("magnetic_heading_deg", "EXIF GPSImgDirection")
    if pose_deg is not None and exif_deg is not None:
        if abs((pose_deg - exif_deg + 180.0) % 360.0 - 180.0) > 1.0:
            kept = "EXIF" if pose_deg == 0.0 else "XMP"
            notes.warn(
                f"heading: XMP says {pose_deg:.1f}, EXIF says {exif_deg:.1f}; {kept} is used"
            )
        if pose_deg == 0.0:
            pose_deg = None
    if pose_deg is not None:
        notes.found("heading_deg", f"XMP {name}")
        return Heading(pose_deg % 360.0, magnetic_deg)
    if exif_deg is not None:
        notes.found("heading_deg", source)
        return Heading(exif_deg % 360.0, magnetic_deg)
    if stated_deg is None and values.number(gps.get(TRACK)) is not None:
        notes.warn("EXIF GPSTrack is the direction of travel, not of the view: not used")
    return Heading(None, magnetic_deg)


def declination_deg(lon: float, lat: float, moment: datetime) -> float | None:
    """Return how far magnetic north lies east of true north at sea level, degrees.

    By the International Geomagnetic Reference Field (IGRF-14). None beyond its years, and next to a
    magnetic pole, where no compass works.
    """
    import ppigrf  # brings pandas: only for photos that need it

    if moment.year not in MODEL_YEARS or abs(lat) > 89.9:
        return None
    east_nt, north_nt, _ = ppigrf.igrf(lon, lat, 0.0, moment.replace(tzinfo=None))
    east_nt, north_nt = float(east_nt.item()), float(north_nt.item())
    if math.hypot(east_nt, north_nt) < MIN_HORIZONTAL_NT:
        return None
    return math.degrees(math.atan2(east_nt, north_nt))


def _exif_direction(gps: Mapping[int, object], notes: Notes) -> tuple[float | None, bool, str]:
    """Return GPSImgDirection, whether a compass showed it, and what to call its source."""
    source = "EXIF GPSImgDirection"
    if DIRECTION not in gps:
        return None, False, source
    direction_deg = values.number(gps[DIRECTION])
    if direction_deg is None or not 0.0 <= direction_deg <= 360.0:
        notes.warn("EXIF GPSImgDirection ignored: not within 0 to 360 degrees")
        return None, False, source
    reference = values.text(gps.get(DIRECTION_REF)).upper()
    if reference not in ("T", "M"):
        source += " (reference missing)"
        notes.warn("EXIF GPSImgDirectionRef is missing: taken as true north")
    return direction_deg % 360.0, reference == "M", source


def _true(
    magnetic_deg: float,
    lonlat: tuple[float, float] | None,
    taken_at: str | None,
    source: str,
    notes: Notes,
) -> tuple[float | None, str]:
    """Return a compass direction from true north, or None with a warning; and its source."""
    turn_deg = None
    if lonlat is not None and taken_at is not None:
        turn_deg = declination_deg(*lonlat, datetime.fromisoformat(taken_at))
    if turn_deg is None:
        notes.warn(
            f"EXIF GPSImgDirection {magnetic_deg:.1f} is from magnetic north; the file lacks the"
            " place or time that give its declination"
        )
        return None, source
    source += f" (magnetic), declination {turn_deg:+.1f} (IGRF)"
    return (magnetic_deg + turn_deg) % 360.0, source
