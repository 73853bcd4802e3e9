"""When a photo was taken: local time, with the zone where the file states or implies one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cvgl_core.photo import values
from cvgl_core.photo.notes import Notes

DATE, DATE_ORIGINAL, OFFSET, OFFSET_ORIGINAL = 0x0132, 0x9003, 0x9010, 0x9011
GPS_TIME, GPS_DATE = 7, 29
ZONE_STEP, ZONE_LIMIT, CLOCK_ERROR = (
    timedelta(minutes=30),
    timedelta(hours=14),
    timedelta(minutes=5),
)


def read_moment(exif: Mapping[int, object], gps: Mapping[int, object], notes: Notes) -> str | None:
    """Return the time of exposure as ISO 8601; local time where no zone is known.

    A receiver's time is UTC: where it differs from the camera's by about a whole number of half
    hours, that is the zone. It may be of an older fix, so it says nothing more.
    """
    for tag, offset, name in (
        (DATE_ORIGINAL, OFFSET_ORIGINAL, "DateTimeOriginal"),
        (DATE, OFFSET, "DateTime"),
    ):
        if tag not in exif:
            continue
        moment = values.time(exif[tag], exif.get(offset))
        if moment is None:
            notes.warn(f"EXIF {name} ignored: not a date")
            continue
        source, local = f"EXIF {name}", datetime.fromisoformat(moment)
        if local.tzinfo is None and (zone := _zone(local, gps)) is not None:
            moment, source = f"{moment}{zone}", f"{source}, zone from GPSTimeStamp"
        notes.found("taken_at", source)
        return moment
    return None


def _zone(local: datetime, gps: Mapping[int, object]) -> str | None:
    """Return the offset from UTC, ``+03:00``, that a receiver's time implies."""
    parts = gps.get(GPS_TIME)
    clock = [values.number(part) for part in parts] if isinstance(parts, tuple | list) else []
    if len(clock) != 3 or any(part is None or not 0 <= part < 60 for part in clock):
        return None
    hours, minutes, seconds = (int(part or 0.0) for part in clock)
    utc = values.time(f"{values.text(gps.get(GPS_DATE))} {hours:02}:{minutes:02}:{seconds:02}")
    if utc is None:
        return None
    ahead = local - datetime.fromisoformat(utc)
    steps = round(ahead / ZONE_STEP)
    zone = steps * ZONE_STEP
    if abs(zone) > ZONE_LIMIT or abs(ahead - zone) > CLOCK_ERROR:
        return None
    minutes = abs(steps) * 30
    return f"{'-' if steps < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"
