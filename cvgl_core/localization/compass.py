"""A compass heading in a file that states no place: true by the declination where the index is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cvgl_core.photo.heading import declination_deg
from cvgl_core.types import LonLat, Photo

MOST_APART_DEG = 2.0
"""Where declinations within the area differ by more, no one of them is right."""


def with_true_heading(photo: Photo, places: Sequence[LonLat]) -> tuple[Photo, str | None]:
    """Return a photo whose compass heading counts from true north, and in words how it came to.

    A photo that states a true heading, or no compass heading, comes back as it is, without words;
    so does one without a time, and one whose declination is not known or differs within the area.

    Args:
        photo: as read.
        places: middle and corners of the area that is searched.
    """
    metadata = photo.metadata
    magnetic_deg, taken_at = metadata.magnetic_heading_deg, metadata.taken_at
    if metadata.heading_deg is not None or magnetic_deg is None or taken_at is None:
        return photo, None
    moment = datetime.fromisoformat(taken_at)
    found = [declination_deg(place.lon, place.lat, moment) for place in places]
    known = [turn_deg for turn_deg in found if turn_deg is not None]
    if len(known) < len(found) or max(known) - min(known) > MOST_APART_DEG:
        return photo, None
    source = f"EXIF GPSImgDirection (magnetic), declination {known[0]:+.1f} (IGRF) at the index"
    true = replace(
        metadata,
        heading_deg=(magnetic_deg + known[0]) % 360.0,
        sources=metadata.sources | {"heading_deg": source},
    )
    told = (
        f"compass heading {magnetic_deg:.0f} degrees, made true by the declination in the area, "
        f"{known[0]:+.1f} degrees"
    )
    return replace(photo, metadata=true), told
