"""What drones write of their cameras: the gimbal's angles, heights, and the calibrated lens.

Names: DJI's ``drone-dji``, Parrot's ``drone-parrot`` and Pix4D's ``Camera`` namespaces of XMP. The
angles of all are those of this project: pitch up, roll clockwise seen from behind, yaw from north.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cvgl_core.photo import values
from cvgl_core.photo.notes import Notes

_GIMBALS = ("drone-dji:Gimbal{}Degree", "drone-parrot:Camera{}Degree")
_HEIGHTS = ("drone-dji:RelativeAltitude", "Camera:AboveGroundAltitude")
_ALTITUDE = "drone-dji:AbsoluteAltitude"
_CENTRE = "drone-dji:CalibratedOpticalCenter{}"
_FOCAL = "drone-dji:CalibratedFocalLength"
_GPS_ALTITUDE_REF, _GPS_ALTITUDE = 5, 6
_MAX_HEIGHT_M = 10_000.0
_MAX_OFF_CENTRE = 0.1


@dataclass(frozen=True)
class Flight:
    """Where a flying camera was, and where its optical axis meets the picture.

    Attributes:
        height_m: above the place of take-off, or above the ground where the drone measured that.
        altitude_m: above the sea or the ellipsoid, as the drone counts.
        optical_centre_px: in pixels of the file.
    """

    height_m: float | None = None
    altitude_m: float | None = None
    optical_centre_px: tuple[float, float] | None = None


def gimbal_name(xmp: Mapping[str, str], axis: str) -> str:
    """Return the name under which a gimbal's angle stands in a table, or would stand.

    Args:
        xmp: the table.
        axis: ``Pitch``, ``Roll`` or ``Yaw``.
    """
    names = [name.format(axis) for name in _GIMBALS]
    return next((name for name in names if name in xmp), names[0])


def read_flight(
    size_px: tuple[int, int],
    scale: float,
    gps: Mapping[int, object],
    xmp: Mapping[str, str],
    notes: Notes,
) -> Flight:
    """Return what a file says of a flight.

    Args:
        size_px: width and height.
        scale: of the picture as it is now to the one that was taken.
        gps: the GPS table.
        xmp: the XMP table.
        notes: takes down the sources.
    """
    height_m = None
    for name in _HEIGHTS:
        if height_m is None and (height_m := _metres(xmp, name)) is not None:
            notes.found("height_m", f"XMP {name}")
    altitude_m = _metres(xmp, _ALTITUDE)
    if altitude_m is not None:
        notes.found("altitude_m", f"XMP {_ALTITUDE}")
    elif (altitude_m := _gps_altitude_m(gps)) is not None:
        notes.found("altitude_m", "EXIF GPSAltitude")
    return Flight(height_m, altitude_m, _optical_centre(size_px, scale, xmp, notes))


def calibrated_focal_px(xmp: Mapping[str, str]) -> float | None:
    """Return the focal length in pixels of the picture as taken."""
    focal_px = values.number(xmp.get(_FOCAL))
    return focal_px if focal_px is not None and focal_px > 0 else None


def _metres(xmp: Mapping[str, str], name: str) -> float | None:
    """Return a height, or None where it is none on Earth."""
    found = values.number(xmp.get(name))
    return found if found is not None and abs(found) <= _MAX_HEIGHT_M else None


def _gps_altitude_m(gps: Mapping[int, object]) -> float | None:
    """Return the altitude of EXIF; its reference 1 means below the sea."""
    found = values.number(gps.get(_GPS_ALTITUDE))
    if found is None or abs(found) > _MAX_HEIGHT_M:
        return None
    below = gps.get(_GPS_ALTITUDE_REF) in (1, b"\1")
    return -abs(found) if below else found


def _optical_centre(
    size_px: tuple[int, int], scale: float, xmp: Mapping[str, str], notes: Notes
) -> tuple[float, float] | None:
    """Return the calibrated centre if it lies near the middle, as that of a whole picture does."""
    x, y = (values.number(xmp.get(_CENTRE.format(axis))) for axis in "XY")
    if x is None or y is None:
        return None
    x, y = x * scale, y * scale
    off = max(abs(x / size_px[0] - 0.5), abs(y / size_px[1] - 0.5))
    if off > _MAX_OFF_CENTRE:
        notes.warn("XMP CalibratedOpticalCenter ignored: far from the middle of the picture")
        return None
    notes.found("optical_centre_px", f"XMP {_CENTRE.format('X')}, Y")
    return x, y
