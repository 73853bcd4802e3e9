"""How the camera was tilted, where a file says so."""

from __future__ import annotations

from collections.abc import Mapping

from cvgl_core.photo.makernotes import MakerNotes
from cvgl_core.photo.notes import Notes


def read_tilt(
    xmp: Mapping[str, str], panorama: bool, maker: MakerNotes, notes: Notes
) -> tuple[float | None, float | None]:
    """Return pitch (up) and roll (clockwise camera) in degrees, None where nothing states them.

    XMP comes before the camera's own notes, which say nothing of how a panorama was stitched.
    """
    names = (
        ("GPano:PosePitchDegrees", "GPano:PoseRollDegrees")
        if panorama
        else ("drone-dji:GimbalPitchDegree", "drone-dji:GimbalRollDegree")
    )
    pitch_deg = notes.angle(xmp, names[0], -90.0, 90.0)
    roll_deg = notes.angle(xmp, names[1], -180.0, 180.0)
    if pitch_deg is not None:
        notes.found("pitch_deg", f"XMP {names[0]}")
    if roll_deg is not None:
        notes.found("roll_deg", f"XMP {names[1]}")
    if pitch_deg is None and roll_deg is None and not panorama and maker.pitch_deg is not None:
        pitch_deg, roll_deg = maker.pitch_deg, maker.roll_deg
        notes.found("pitch_deg", f"maker notes, {maker.camera}")
        notes.found("roll_deg", f"maker notes, {maker.camera}")
    return pitch_deg, roll_deg
