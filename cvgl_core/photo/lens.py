"""Field of view from what EXIF says about the lens."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cvgl_core.photo import values
from cvgl_core.photo.makernotes import MakerNotes
from cvgl_core.photo.notes import Notes

FOCAL_LENGTH, FOCAL_35MM = 0x920A, 0xA405
PLANE_X_RESOLUTION, PLANE_UNIT = 0xA20E, 0xA210
PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION = 0xA002, 0xA003
FILM_DIAGONAL_MM = math.hypot(36.0, 24.0)
FILM_WIDTH_MM = 36.0
MIN_FOV_DEG, MAX_FOV_DEG = 2.0, 150.0
SENSOR_SHAPE = (4.0, 3.0)
_UNIT_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}


def read_fov_deg(
    width_px: int,
    height_px: int,
    exif: Mapping[int, object],
    maker: MakerNotes,
    notes: Notes,
    calibrated_px: float | None = None,
) -> float | None:
    """Return the horizontal field of view, degrees, of a photo as displayed.

    Four sources: the focal length for 35 mm film (a whole number, CIPA: the same diagonal), the
    focal length over the pixel pitch of the sensor, the focal length over the sensor's diagonal in
    the camera's own notes, and a drone's calibrated one (``calibrated_px``, of the picture as
    taken). The second and the last are exact but may be wrong, so they are believed against the
    first only where they agree within 6 %. What was cropped since has no known field.
    """
    long_px, short_px = max(width_px, height_px), min(width_px, height_px)
    film = _film_focal_px(long_px, short_px, exif, notes)
    plane = _plane_focal_px(long_px, exif)
    focal_px, source = film, "EXIF FocalLengthIn35mmFilm"
    if plane is not None and (film is None or _agree(plane, film, width_px, height_px)):
        focal_px, source = plane, "EXIF FocalLength, FocalPlaneXResolution"
    if calibrated_px is not None:
        calibrated_px *= scale_since(long_px, exif)
        if film is None or _agree(calibrated_px, film, width_px, height_px):
            focal_px, source = calibrated_px, "XMP drone-dji:CalibratedFocalLength"
    if focal_px is None:
        focal_px = _sensor_focal_px(long_px, short_px, exif, maker)
        source = f"EXIF FocalLength, maker notes, {maker.camera}"
    if focal_px is None:
        return None
    taken = _sides_taken(exif)
    if len(taken) == 2 and not _same_shape((long_px, short_px), (max(taken), min(taken))):
        was = f"{taken[0]:.0f} x {taken[1]:.0f} px"
        notes.warn(f"focal length ignored: the picture was cropped, it was taken as {was}")
        return None
    fov_deg = math.degrees(2.0 * math.atan(width_px / 2.0 / focal_px))
    if not MIN_FOV_DEG <= fov_deg <= MAX_FOV_DEG:
        notes.warn(f"focal length ignored: a field of view of {fov_deg:.1f} degrees is impossible")
        return None
    notes.found("fov_deg", source)
    return fov_deg


def film_px_per_mm(width_px: int, height_px: int) -> float:
    """Return pixels per millimetre of 35 mm film: the same diagonal, at most 36 mm wide."""
    long_px = max(width_px, height_px)
    return max(long_px / FILM_WIDTH_MM, math.hypot(width_px, height_px) / FILM_DIAGONAL_MM)


def scale_since(long_px: int, exif: Mapping[int, object]) -> float:
    """Return the scale of a picture with a longer side of ``long_px`` to the one that was taken."""
    return long_px / max(_sides_taken(exif), default=long_px)


def _agree(plane_px: float, film_px: float, width_px: int, height_px: int) -> bool:
    """Whether two focal lengths differ by no more than 6 % and the rounding to whole mm."""
    return abs(plane_px - film_px) < 0.06 * film_px + 0.5 * film_px_per_mm(width_px, height_px)


def _film_focal_px(
    long_px: int, short_px: int, exif: Mapping[int, object], notes: Notes
) -> float | None:
    """Return the focal length in pixels from its 35 mm equivalent."""
    if FOCAL_35MM not in exif:
        return None
    focal_mm = values.number(exif[FOCAL_35MM])
    if focal_mm is None or focal_mm <= 0.0:
        notes.warn("EXIF FocalLengthIn35mmFilm ignored: 0 means unknown")
        return None
    return focal_mm * film_px_per_mm(long_px, short_px)


def _plane_focal_px(long_px: int, exif: Mapping[int, object]) -> float | None:
    """Return the focal length in pixels from the pixel pitch, for the picture as it is now."""
    focal_mm = values.number(exif.get(FOCAL_LENGTH))
    resolution = values.number(exif.get(PLANE_X_RESOLUTION))
    unit_mm = _UNIT_MM.get(int(values.number(exif.get(PLANE_UNIT)) or 2))
    if not focal_mm or not resolution or unit_mm is None or focal_mm < 0 or resolution < 0:
        return None
    return focal_mm / unit_mm * resolution * scale_since(long_px, exif)


def _sensor_focal_px(
    long_px: int, short_px: int, exif: Mapping[int, object], maker: MakerNotes
) -> float | None:
    """Return the focal length in pixels from the sensor's diagonal, for pictures of its shape."""
    focal_mm = values.number(exif.get(FOCAL_LENGTH))
    if maker.sensor_diagonal_mm is None or not focal_mm or focal_mm < 0:
        return None
    if not _same_shape((long_px, short_px), SENSOR_SHAPE):
        return None
    return focal_mm / maker.sensor_diagonal_mm * math.hypot(long_px, short_px)


def _sides_taken(exif: Mapping[int, object]) -> list[float]:
    """Return the sides of the picture that the camera made, as far as stated, pixels."""
    sides = [values.number(exif.get(tag)) for tag in (PIXEL_X_DIMENSION, PIXEL_Y_DIMENSION)]
    return [side for side in sides if side is not None and side > 0]


def _same_shape(size_px: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two sizes differ in scale only, up to 2 % and the rounding to whole pixels."""
    expected_px = other[1] * size_px[0] / other[0]
    return abs(size_px[1] - expected_px) <= 0.02 * expected_px + 1.0
