"""How the camera was tilted: what a file says, else what the picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cvgl_core.photo.camera import MAX_PERSPECTIVE_FOV_DEG
from cvgl_core.photo.flight import gimbal_name
from cvgl_core.photo.makernotes import MakerNotes
from cvgl_core.photo.notes import Notes
from cvgl_core.photo.verticals import estimate_tilt
from cvgl_core.types import PhotoMetadata, Projection, UInt8Array

_GIMBAL_DEG = 95.0
"""Gimbals state that they point down by some tenths of a degree more than 90."""


def read_tilt(
    xmp: Mapping[str, str], panorama: bool, maker: MakerNotes, notes: Notes
) -> tuple[float | None, float | None]:
    """Return pitch (up) and roll (clockwise camera) in degrees, None where nothing states them.

    XMP comes before the camera's own notes, which say nothing of how a panorama was stitched.
    """
    names = (
        ("GPano:PosePitchDegrees", "GPano:PoseRollDegrees")
        if panorama
        else (gimbal_name(xmp, "Pitch"), gimbal_name(xmp, "Roll"))
    )
    steepest_deg = 90.0 if panorama else _GIMBAL_DEG
    pitch_deg = notes.angle(xmp, names[0], -steepest_deg, steepest_deg)
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


def with_estimated_tilt(
    rgb: UInt8Array, metadata: PhotoMetadata, fov_deg: float | None = None
) -> PhotoMetadata:
    """Return the metadata with pitch and roll by upright edges, where nothing states them.

    Args:
        rgb: the picture ``[H, W, 3]``.
        metadata: what its file says.
        fov_deg: horizontal field of view, instead of the metadata's; without one nothing is
            estimated, as nothing is for a panorama.
    """
    fov_deg = metadata.fov_deg if fov_deg is None else fov_deg
    stated = metadata.pitch_deg is not None or metadata.roll_deg is not None
    if stated or metadata.projection is not Projection.PERSPECTIVE or fov_deg is None:
        return metadata
    if not 1.0 <= fov_deg <= MAX_PERSPECTIVE_FOV_DEG:
        return metadata
    tilt = estimate_tilt(rgb, fov_deg)
    if tilt is None or not tilt.trustworthy:
        return metadata
    source = "estimated from upright edges, +-{:.1f} degrees"
    return replace(
        metadata,
        pitch_deg=tilt.pitch_deg,
        roll_deg=tilt.roll_deg,
        sources=metadata.sources
        | {
            "pitch_deg": source.format(tilt.pitch_std_deg),
            "roll_deg": source.format(tilt.roll_std_deg),
        },
    )
