"""Is it a panorama, and which part of the full sphere does it show (XMP GPano, or its shape)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cvgl_core.photo import values
from cvgl_core.photo.lens import Recorder

MAX_SIDE_PX = 10**6
ASPECT_TOLERANCE = 0.01


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
    notes: Recorder,
) -> PanoramaFrame | None:
    """Return the frame of an equirectangular panorama; None for an ordinary photo.

    Without GPano a picture twice as wide as high is taken for a full sphere, unless its file
    states the focal length of a lens. GPano's pixels are of the panorama when it was stitched;
    they are scaled to the picture as it is now.
    """
    kind = values.text(xmp.get("GPano:ProjectionType", "")).lower()
    claimed = kind == "equirectangular" or (not kind and "GPano:FullPanoWidthPixels" in xmp)
    if kind and kind != "equirectangular":
        notes.warn(f"GPano projection {kind!r} is not known here: taken as an ordinary photo")
        return None
    if claimed:
        notes.found("projection", "XMP GPano")
        frame = _stated_frame(width_px, height_px, xmp, notes)
        return frame or _assumed_frame(width_px, height_px)
    if not lens_known and abs(width_px / height_px / 2.0 - 1.0) <= ASPECT_TOLERANCE:
        notes.found("projection", "aspect ratio")
        notes.warn("taken as a full panorama because it is twice as wide as high")
        return PanoramaFrame(width_px, height_px, 0, 0)
    return None


def _assumed_frame(width_px: int, height_px: int) -> PanoramaFrame:
    """Return a full turn with the horizon in the middle: what a bare panorama most likely is."""
    full_height_px = max(height_px, round(width_px / 2))
    return PanoramaFrame(width_px, full_height_px, 0, (full_height_px - height_px) // 2)


def _stated_frame(
    width_px: int, height_px: int, xmp: Mapping[str, str], notes: Recorder
) -> PanoramaFrame | None:
    """Return GPano's frame in pixels of the picture, None with a warning when it makes no sense."""
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
    if not _sensible(full_width, width, left) or not _sensible(full_height, height, top):
        notes.warn("GPano sizes ignored: the picture does not fit into its panorama")
        return None
    scale_x, scale_y = width_px / width, height_px / height
    if abs(scale_x / scale_y - 1.0) > 0.05:
        notes.warn("GPano sizes ignored: the picture has another shape than they say")
        return None
    return PanoramaFrame(
        max(width_px, round(full_width * scale_x)),
        max(height_px, round(full_height * scale_y)),
        round(left * scale_x),
        round(top * scale_y),
    )


def _pixels(xmp: Mapping[str, str], name: str) -> float | None:
    """Return a size of GPano; None when missing or not a number."""
    return values.number(xmp.get(f"GPano:{name}"))


def _sensible(full_px: float, size_px: float, start_px: float) -> bool:
    """Whether a stretch of ``size_px`` from ``start_px`` lies within ``full_px``."""
    return 0 < size_px <= full_px <= MAX_SIDE_PX and 0 <= start_px <= full_px - size_px + 1
