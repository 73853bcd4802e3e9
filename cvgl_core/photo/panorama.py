"""Is it a panorama, and which part of the full sphere does it show (XMP GPano, or its shape)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cvgl_core.photo import values
from cvgl_core.photo.notes import Notes

MAX_SIDE_PX = 10**6
ASPECT_TOLERANCE = 0.01
OVERFULL = 1.02
"""Pictures this much larger than the sphere they are part of are full: stitchers round."""


@dataclass(frozen=True)
class PanoramaFrame:
    """Size of the full sphere and place of the picture in it, pixels of the file as displayed."""

    full_width_px: int | None
    full_height_px: int | None
    left_px: int
    top_px: int


def read_frame(
    width_px: int,
    height_px: int,
    xmp: Mapping[str, str],
    lens_known: bool,
    notes: Notes,
) -> PanoramaFrame | None:
    """Return the frame of an equirectangular panorama; None for an ordinary photo.

    Without GPano a picture twice as wide as high is taken for a full sphere, unless its file
    states the focal length of a lens. GPano's pixels are of the panorama when it was stitched;
    they are scaled to the picture as it is now. A panorama of another shape whose GPano does not
    say how much it shows has a projection (in ``notes.sources``) and no frame.
    """
    kind = values.text(xmp.get("GPano:ProjectionType", "")).lower()
    claimed = kind == "equirectangular" or (not kind and "GPano:FullPanoWidthPixels" in xmp)
    if kind and kind != "equirectangular":
        notes.warn(f"GPano projection {kind!r} is not known here: taken as an ordinary photo")
        return None
    twice = abs(width_px / height_px / 2.0 - 1.0) <= ASPECT_TOLERANCE
    if claimed:
        notes.found("projection", "XMP GPano")
        frame = _stated_frame(width_px, height_px, xmp, notes)
        if frame is None and not twice:
            notes.warn("GPano does not say how much of the circle the picture shows; pass --fov")
            return None
        return frame or PanoramaFrame(width_px, height_px, 0, 0)
    if not lens_known and twice:
        notes.found("projection", "aspect ratio")
        notes.warn("taken as a full panorama because it is twice as wide as high")
        return PanoramaFrame(width_px, height_px, 0, 0)
    return None


def _stated_frame(
    width_px: int, height_px: int, xmp: Mapping[str, str], notes: Notes
) -> PanoramaFrame | None:
    """Return GPano's frame in pixels of the picture, None with a warning when it makes no sense.

    Sideways the sphere is closed: a left edge outside it, or a picture that runs over its right
    edge, is a picture that begins elsewhere.
    """
    full_width = _pixels(xmp, "FullPanoWidthPixels")
    full_height = _pixels(xmp, "FullPanoHeightPixels")
    if full_width is None and full_height is None:
        return None
    full_width = full_width or 2 * (full_height or 0)
    full_height = full_height or full_width / 2
    width = _pixels(xmp, "CroppedAreaImageWidthPixels") or full_width
    height = _pixels(xmp, "CroppedAreaImageHeightPixels") or full_height
    left = _pixels(xmp, "CroppedAreaLeftPixels") or 0.0
    top = _pixels(xmp, "CroppedAreaTopPixels") or 0.0
    if not _sensible(full_width, width) or not _sensible(full_height, height):
        notes.warn("GPano sizes ignored: the picture does not fit into its panorama")
        return None
    spare = max(0.0, full_height - height)
    slack = (OVERFULL - 1.0) * full_height
    if abs(left) > full_width or not -slack <= top <= spare + slack:
        notes.warn("GPano sizes ignored: the picture lies outside its panorama")
        return None
    scale_x, scale_y = width_px / width, height_px / height
    if abs(scale_x / scale_y - 1.0) > 0.05:
        notes.warn("GPano sizes ignored: the picture has another shape than they say")
        return None
    return PanoramaFrame(
        max(width_px, round(full_width * scale_x)),
        max(height_px, round(full_height * scale_y)),
        round(left % full_width * scale_x),
        round(min(max(top, 0.0), spare) * scale_y),
    )


def _pixels(xmp: Mapping[str, str], name: str) -> float | None:
    """Return a size of GPano; None when missing or not a number."""
    return values.number(xmp.get(f"GPano:{name}"))


def _sensible(full_px: float, size_px: float) -> bool:
    """Whether a picture may be part of a sphere, or all of it with rounding."""
    return 0 < size_px <= OVERFULL * full_px and full_px <= MAX_SIDE_PX
