"""What cameras write in notes of their own: how they were held, how large the sensor is.

Pillow reads the tables; this says where they begin and which entries mean something. Meanings:
the documentation of ExifTool.
"""

from __future__ import annotations

import io
import logging
import math
from dataclasses import dataclass

from PIL import TiffImagePlugin

from cvgl_core.photo import values

MAX_BYTES = 1 << 20
APPLE_ACCELERATION, OLYMPUS_EQUIPMENT, OLYMPUS_DIAGONAL = 0x0008, 0x2010, 0x0205
PANASONIC_ROLL, PANASONIC_PITCH = 0x0090, 0x0091
MAX_PANASONIC_DEG = 45.0

logger = logging.getLogger(__name__)

# The displayed picture's right and up in an iPhone's axes (x right, y up, of the screen), for an
# EXIF orientation: 1 is held with the lower end to the right.
_IPHONE_AXES = {
    1: ((0.0, -1.0), (1.0, 0.0)),
    3: ((0.0, 1.0), (-1.0, 0.0)),
    6: ((1.0, 0.0), (0.0, 1.0)),
    8: ((-1.0, 0.0), (0.0, -1.0)),
}


@dataclass(frozen=True)
class MakerNotes:
    """Values of a camera's own notes, None where it says nothing.

    Attributes:
        camera: whose notes.
        pitch_deg: of the optical axis above the horizon.
        roll_deg: of the camera, clockwise seen from behind.
        sensor_diagonal_mm: of the part that makes the picture.
    """

    camera: str = ""
    pitch_deg: float | None = None
    roll_deg: float | None = None
    sensor_diagonal_mm: float | None = None


def read_maker_notes(note: object, orientation: int, lens: str) -> MakerNotes:
    """Return what is known of the notes in EXIF tag 0x927C; damaged ones say nothing.

    Args:
        note: the bytes.
        orientation: EXIF orientation as the camera wrote it.
        lens: EXIF LensModel; the front lens of a phone looks the other way.
    """
    if not isinstance(note, bytes) or len(note) > MAX_BYTES:
        return MakerNotes()
    try:
        if note.startswith(b"Apple iOS\0"):
            return _apple(note, orientation) if "front" not in lens.lower() else MakerNotes()
        if note.startswith(b"OLYMPUS\0"):
            return _olympus(note)
        if note.startswith(b"Panasonic\0"):
            return _panasonic(note)
    except Exception:  # whatever a table of hostile bytes leads to
        logger.debug("maker notes not read", exc_info=True)
    return MakerNotes()


def _table(note: bytes, start: int, order: bytes) -> TiffImagePlugin.ImageFileDirectory_v2:
    """Return the table at ``start``; its offsets count from the beginning of the notes."""
    magic = b"II\x2a\0" if order == b"II" else b"MM\0\x2a"
    table = TiffImagePlugin.ImageFileDirectory_v2(magic + bytes(4))
    stream = io.BytesIO(note)
    stream.seek(start)
    table.load(stream)
    return table


def _apple(note: bytes, orientation: int) -> MakerNotes:
    """Return how an iPhone was held, from the pull of gravity along its axes.

    The vector is that of Core Motion: x to the right of the screen, y to its top, z out of it; a
    phone at rest shows where down is.
    """
    pull = _table(note, 14, note[12:14]).get(APPLE_ACCELERATION)
    parts = [values.number(part) for part in pull] if isinstance(pull, tuple) else []
    x, y, z = known if len(known := [part for part in parts if part is not None]) == 3 else (0,) * 3
    size = math.sqrt(x * x + y * y + z * z)
    if orientation not in _IPHONE_AXES or not 0.8 <= size <= 1.2:  # shaken while exposing
        return MakerNotes()
    right, up = _IPHONE_AXES[orientation]
    return MakerNotes(
        "Apple AccelerationVector",
        pitch_deg=math.degrees(math.asin(z / size)),
        roll_deg=math.degrees(math.atan2(x * right[0] + y * right[1], -(x * up[0] + y * up[1]))),
    )


def _olympus(note: bytes) -> MakerNotes:
    """Return the sensor's diagonal of an Olympus, which writes no 35 mm equivalent."""
    offset = values.number(_table(note, 12, note[8:10]).get(OLYMPUS_EQUIPMENT))
    if offset is None:
        return MakerNotes()
    diagonal = values.number(_table(note, int(offset), note[8:10]).get(OLYMPUS_DIAGONAL))
    sensible = diagonal is not None and 3.0 <= diagonal <= 60.0
    return MakerNotes(
        "Olympus FocalPlaneDiagonal", sensor_diagonal_mm=diagonal if sensible else None
    )


def _panasonic(note: bytes) -> MakerNotes:
    """Return the electronic level of a Panasonic: tenths of a degree, pitch downwards."""
    table = _table(note, 12, b"II")
    roll, pitch = (_signed_tenths(table.get(tag)) for tag in (PANASONIC_ROLL, PANASONIC_PITCH))
    if roll is None or pitch is None or max(abs(roll), abs(pitch)) > MAX_PANASONIC_DEG:
        return MakerNotes()
    return MakerNotes("Panasonic level", pitch_deg=-pitch, roll_deg=roll)


def _signed_tenths(value: object) -> float | None:
    """Return a 16-bit number, signed whatever its type says, in tenths."""
    number = values.number(value)
    if number is None:
        return None
    return (number - 65536.0 if number >= 32768.0 else number) / 10.0
