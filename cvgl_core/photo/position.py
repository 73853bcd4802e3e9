"""Where a file says that it was taken: the GPS table of EXIF, else XMP."""

from __future__ import annotations

from collections.abc import Mapping

from cvgl_core.photo import values
from cvgl_core.photo.notes import Notes

LAT_REF, LAT, LON_REF, LON = 1, 2, 3, 4
SAME_PLACE_DEG = 1e-3


def read_position(
    gps: Mapping[int, object], xmp: Mapping[str, str], notes: Notes
) -> tuple[float, float] | None:
    """Return (lon, lat) in degrees from EXIF, else from XMP, else None."""
    xmp_place = _xmp_position(xmp)
    place = _exif_position(gps, notes)
    if place is None and xmp_place is not None:
        notes.found("exif_lon", "XMP exif:GPSLongitude")
        notes.found("exif_lat", "XMP exif:GPSLatitude")
        return xmp_place
    if place is None:
        return None
    if xmp_place is not None and max(abs(place[0] - xmp_place[0]), abs(place[1] - xmp_place[1])) > (
        SAME_PLACE_DEG
    ):
        notes.warn("position: EXIF and XMP name different places; EXIF is shown")
    notes.found("exif_lon", "EXIF GPSLongitude")
    notes.found("exif_lat", "EXIF GPSLatitude")
    return place


def _exif_position(gps: Mapping[int, object], notes: Notes) -> tuple[float, float] | None:
    """Return (lon, lat) of the GPS IFD if both make sense."""
    if LAT not in gps and LON not in gps:
        return None
    lat = _coordinate(gps.get(LAT), gps.get(LAT_REF), "NS", 90.0, notes)
    lon = _coordinate(gps.get(LON), gps.get(LON_REF), "EW", 180.0, notes)
    if lat is None or lon is None:
        return None
    return _not_null_island(lon, lat, notes)


def _coordinate(
    value: object, reference: object, letters: str, limit_deg: float, notes: Notes
) -> float | None:
    """Return a signed coordinate in degrees, or None with a warning."""
    name = "GPSLatitude" if letters == "NS" else "GPSLongitude"
    degrees = values.angle(value)
    if degrees is None or abs(degrees) > limit_deg:
        notes.warn(f"EXIF {name} ignored: not a {name[3:].lower()}")
        return None
    letter = values.text(reference).upper()[:1]
    if isinstance(value, str) and value.strip()[-1:].isalpha():
        return degrees
    if letter == letters[1]:
        return -abs(degrees)
    if letter == letters[0] and degrees < 0:
        notes.warn(f"EXIF {name} ignored: negative, yet marked {letter}")
        return None
    if letter != letters[0]:
        notes.warn(f"EXIF {name}Ref is missing: sign taken as written")
    return degrees


def _xmp_position(xmp: Mapping[str, str]) -> tuple[float, float] | None:
    """Return (lon, lat) of ``exif:GPSLatitude`` and its like, Adobe's ``48,52.5N``."""
    lat = values.angle(xmp.get("exif:GPSLatitude"))
    lon = values.angle(xmp.get("exif:GPSLongitude"))
    if lat is None or lon is None or abs(lat) > 90.0 or abs(lon) > 180.0:
        return None
    return _not_null_island(lon, lat, None)


def _not_null_island(lon: float, lat: float, notes: Notes | None) -> tuple[float, float] | None:
    """Return the place unless it is 0, 0: what receivers write before they have a fix."""
    if lon == 0.0 and lat == 0.0:
        if notes is not None:
            notes.warn("EXIF position ignored: 0, 0 is what receivers write without a fix")
        return None
    return lon, lat
