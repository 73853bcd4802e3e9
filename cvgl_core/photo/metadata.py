"""What a photo says about itself: values from EXIF and XMP, each with the place it was found.

Pure functions over plain tables (tag number -> value, ``prefix:Name`` -> text), so that every odd
file is one row of a test. A value that makes no sense is left out with a line in ``warnings``.
Tag numbers: Exif 2.32; GPano: Google's Photo Sphere XMP specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cvgl_core.photo import values
from cvgl_core.photo.flight import calibrated_focal_px, read_flight
from cvgl_core.photo.heading import read_heading
from cvgl_core.photo.lens import read_fov_deg, scale_since
from cvgl_core.photo.makernotes import read_maker_notes
from cvgl_core.photo.moment import read_moment
from cvgl_core.photo.notes import Notes
from cvgl_core.photo.panorama import PanoramaFrame, read_frame
from cvgl_core.photo.position import read_position
from cvgl_core.photo.tilt import read_tilt
from cvgl_core.types import PhotoMetadata, Projection

MAKE, MODEL, LENS_MODEL, MAKER_NOTE = 0x010F, 0x0110, 0xA434, 0x927C


@dataclass(frozen=True)
class RawMetadata:
    """The tables of a file as decoded, nothing checked yet.

    Attributes:
        exif: main and Exif IFD in one table.
        gps: the GPS IFD.
        xmp: known properties, ``prefix:Name``.
        orientation: EXIF orientation as the camera wrote it, 1 to 8.
        warnings: what went wrong while decoding.
    """

    exif: Mapping[int, object] = field(default_factory=dict)
    gps: Mapping[int, object] = field(default_factory=dict)
    xmp: Mapping[str, str] = field(default_factory=dict)
    orientation: int = 1
    warnings: tuple[str, ...] = ()


def read_metadata(width_px: int, height_px: int, raw: RawMetadata) -> PhotoMetadata:
    """Return what is known of a photo of ``width_px`` x ``height_px`` (as displayed)."""
    notes = Notes(warnings=list(raw.warnings))
    lens = values.text(raw.exif.get(LENS_MODEL))
    maker = read_maker_notes(raw.exif.get(MAKER_NOTE), raw.orientation, lens)
    calibrated_px = calibrated_focal_px(raw.xmp)
    fov_deg = read_fov_deg(width_px, height_px, raw.exif, maker, notes, calibrated_px)
    frame = read_frame(width_px, height_px, raw.xmp, fov_deg is not None, notes)
    panorama = "projection" in notes.sources
    if panorama:
        fov_deg = _turn_deg(width_px, frame, notes)
    position = read_position(raw.gps, raw.xmp, notes)
    taken_at = read_moment(raw.exif, raw.gps, notes)
    heading = read_heading(raw.gps, raw.xmp, panorama, position, taken_at, notes)
    pitch_deg, roll_deg = read_tilt(raw.xmp, panorama, maker, notes)
    scale = scale_since(max(width_px, height_px), raw.exif)
    flight = read_flight((width_px, height_px), scale, raw.gps, raw.xmp, notes)
    frame = frame or PanoramaFrame(None, None, 0, 0)
    return PhotoMetadata(
        width_px=width_px,
        height_px=height_px,
        projection=Projection.EQUIRECTANGULAR if panorama else Projection.PERSPECTIVE,
        heading_deg=heading.true_deg,
        magnetic_heading_deg=heading.magnetic_deg,
        fov_deg=fov_deg,
        pitch_deg=pitch_deg,
        roll_deg=roll_deg,
        height_m=flight.height_m,
        altitude_m=flight.altitude_m,
        optical_centre_px=flight.optical_centre_px,
        exif_lon=position[0] if position else None,
        exif_lat=position[1] if position else None,
        taken_at=taken_at,
        camera=_camera(raw.exif, notes),
        pano_full_width_px=frame.full_width_px,
        pano_full_height_px=frame.full_height_px,
        pano_left_px=frame.left_px,
        pano_top_px=frame.top_px,
        sources=notes.sources,
        warnings=tuple(notes.warnings),
    )


def _turn_deg(width_px: int, frame: PanoramaFrame | None, notes: Notes) -> float | None:
    """Return how much of the circle a panorama shows; the lens says nothing of it."""
    notes.sources.pop("fov_deg", None)
    if frame is None or frame.full_width_px is None:
        return None
    notes.found("fov_deg", notes.sources["projection"])
    return 360.0 * min(1.0, width_px / frame.full_width_px)


def _camera(exif: Mapping[int, object], notes: Notes) -> str | None:
    """Return make and model as one line."""
    make, model = values.text(exif.get(MAKE)), values.text(exif.get(MODEL))
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    if not name.strip():
        return None
    notes.found("camera", "EXIF Make, Model")
    return name.strip()
