"""A photo as the network sees it: an equirectangular strip, averaged over area, with a mask.

Directions: azimuth clockwise from north, elevation up from the horizon. In the camera's frame
``right, up, forward``; pitch lifts the axis, roll turns the camera clockwise as seen from behind
it (the horizon turns counter-clockwise in the picture, as GPano defines it).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.errors import PhotoViewError
from cvgl_core.types import (
    BoolArray,
    Float32Array,
    FloatArray,
    GroundSpec,
    GroundView,
    Photo,
    PhotoMetadata,
    Projection,
    UInt8Array,
)

MEAN_GREY = (115, 115, 115)
MAX_PERSPECTIVE_FOV_DEG = 170.0
MIN_OVERSAMPLING, MAX_OVERSAMPLING = 2, 6
_BAND_SAMPLES = 1 << 20


@dataclass(frozen=True)
class Camera:
    """How the pixels of ``Photo.rgb`` lie in directions, all relative to the optical axis.

    Attributes:
        projection: equirectangular or perspective.
        width_px, height_px: of the pixels at hand.
        px_per_deg: resolution at the axis.
        left, top: of an equirectangular picture within its full sphere, in these pixels.
        full_width, full_height: of that sphere, in these pixels.
        pitch_deg, roll_deg: of the camera.
    """

    projection: Projection
    width_px: int
    height_px: int
    px_per_deg: float
    left: float = 0.0
    top: float = 0.0
    full_width: float = 0.0
    full_height: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0


def to_ground_view(
    photo: Photo,
    spec: GroundSpec,
    heading_deg: float | None = None,
    fov_deg: float | None = None,
    fill_rgb: tuple[int, int, int] = MEAN_GREY,
) -> GroundView:
    """Return the strip of the full circle that a model asks for.

    With a known heading north lies in the centre column (``centre_azimuth_deg`` 0); without, the
    optical axis does, and ``centre_azimuth_deg`` is None.

    Args:
        photo: pixels and metadata.
        spec: size and elevations of the strip.
        heading_deg: azimuth of the optical axis (middle of a panorama), instead of the metadata's.
        fov_deg: horizontal field of view, instead of the metadata's; 180 to 360 means a (partial)
            panorama with the horizon in its middle.
        fill_rgb: colour of what the photo does not show, usually the model's mean.

    Raises:
        PhotoViewError: the field of view is neither known nor given, or impossible.
    """
    camera = camera_of(photo, fov_deg)
    heading_deg = photo.metadata.heading_deg if heading_deg is None else heading_deg
    if heading_deg is not None and not math.isfinite(heading_deg):
        raise PhotoViewError(f"{photo.path}: heading {heading_deg} is not a number of degrees")
    axis_deg = 0.0 if heading_deg is None else heading_deg % 360.0
    rgb, seen = _resample(photo.rgb, camera, spec, axis_deg, fill_rgb)
    return GroundView(
        rgb=rgb,
        visible=np.asarray(seen.any(axis=0), np.bool_),
        centre_azimuth_deg=None if heading_deg is None else 0.0,
        centre_heading_offset_deg=axis_deg,
    )


def camera_of(photo: Photo, fov_deg: float | None = None) -> Camera:
    """Return the geometry of the pixels at hand.

    Raises:
        PhotoViewError: the field of view is neither known nor given, or impossible.
    """
    meta = photo.metadata
    if fov_deg is not None and not 1.0 <= fov_deg <= 360.0:
        raise PhotoViewError(f"{photo.path}: field of view {fov_deg:g} is not within 1 to 360")
    stated = meta.sources.get("projection") == "XMP GPano"
    unplaced = stated and meta.pano_full_width_px is None
    if fov_deg is not None and (unplaced or (fov_deg >= 180.0 and not stated)):
        return _panorama_of_width(photo, fov_deg)
    if unplaced:
        raise PhotoViewError(
            f"{photo.path}: a panorama that does not state how much of the circle it shows; pass"
            " --fov DEGREES (360 for a full turn)"
        )
    guessed = meta.sources.get("projection") == "aspect ratio"
    if meta.projection is Projection.EQUIRECTANGULAR and not (guessed and fov_deg is not None):
        return _panorama(photo)
    fov_deg = meta.fov_deg if fov_deg is None else fov_deg
    if fov_deg is None:
        raise PhotoViewError(
            f"{photo.path}: the file does not state its field of view; pass --fov DEGREES"
            " (a phone's main camera has about 70, 360 for a panorama)"
        )
    if fov_deg > MAX_PERSPECTIVE_FOV_DEG:
        raise PhotoViewError(f"{photo.path}: a flat photo cannot show {fov_deg:g} degrees")
    height_px, width_px = photo.rgb.shape[:2]
    focal_px = width_px / 2.0 / math.tan(math.radians(fov_deg) / 2.0)
    return Camera(
        Projection.PERSPECTIVE,
        width_px,
        height_px,
        px_per_deg=focal_px * math.pi / 180.0,
        pitch_deg=meta.pitch_deg or 0.0,
        roll_deg=meta.roll_deg or 0.0,
    )


def _panorama(photo: Photo) -> Camera:
    """Return the geometry of an equirectangular photo, scaled from the file to the pixels."""
    meta: PhotoMetadata = photo.metadata
    height_px, width_px = photo.rgb.shape[:2]
    scale_x, scale_y = width_px / meta.width_px, height_px / meta.height_px
    full_width = (meta.pano_full_width_px or meta.width_px) * scale_x
    full_height = (meta.pano_full_height_px or meta.height_px) * scale_y
    return Camera(
        Projection.EQUIRECTANGULAR,
        width_px,
        height_px,
        px_per_deg=full_width / 360.0,
        left=meta.pano_left_px * scale_x,
        top=meta.pano_top_px * scale_y,
        full_width=full_width,
        full_height=full_height,
        pitch_deg=meta.pitch_deg or 0.0,
        roll_deg=meta.roll_deg or 0.0,
    )


def _panorama_of_width(photo: Photo, fov_deg: float) -> Camera:
    """Return the geometry of a strip that shows ``fov_deg`` with the horizon in its middle."""
    height_px, width_px = photo.rgb.shape[:2]
    px_per_deg = width_px / fov_deg
    full_width, full_height = 360.0 * px_per_deg, 180.0 * px_per_deg
    if height_px > full_height * 1.01:
        raise PhotoViewError(
            f"{photo.path}: too high for a panorama of {fov_deg:g} degrees; check --fov"
        )
    return Camera(
        Projection.EQUIRECTANGULAR,
        width_px,
        height_px,
        px_per_deg,
        left=(full_width - width_px) / 2.0,
        top=(full_height - height_px) / 2.0,
        full_width=full_width,
        full_height=full_height,
    )


def _resample(
    rgb: UInt8Array,
    camera: Camera,
    spec: GroundSpec,
    axis_deg: float,
    fill_rgb: tuple[int, int, int],
) -> tuple[UInt8Array, BoolArray]:
    """Return the strip ``[H, W, 3]`` and which of its pixels are seen ``[H, W]``.

    The photo is shrunk by area to the spacing of the samples, sampled several times per pixel of
    the strip, and averaged over what is seen.
    """
    spec_px_per_deg = spec.width_px / 360.0
    times = math.ceil(camera.px_per_deg / spec_px_per_deg)
    times = min(max(times, MIN_OVERSAMPLING), MAX_OVERSAMPLING)
    source, wraps = _prepared(rgb, camera, times * spec_px_per_deg)
    out = np.empty((spec.height_px, spec.width_px, 3), np.uint8)
    seen = np.zeros((spec.height_px, spec.width_px), np.bool_)
    for rows in _bands(spec, times):
        azimuth_deg, elevation_deg = _directions(spec, rows, times, axis_deg)
        x, y, inside = photo_coordinates(camera, azimuth_deg, elevation_deg)
        size_y, size_x = source.shape[0], source.shape[1] - 2 * wraps
        samples = cv2.remap(
            source,
            np.asarray(x * (size_x / camera.width_px) - 0.5 + wraps, np.float32),
            np.asarray(y * (size_y / camera.height_px) - 0.5, np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        weight = inside.astype(np.float32)
        total = _block_sum(weight[..., None], times)
        colour = _block_sum(samples * weight[..., None], times) / np.maximum(total, 1.0)
        seen[rows] = total[..., 0] >= 0.5 * times * times
        kept = np.where(seen[rows][..., None], colour + 0.5, np.array(fill_rgb, np.float32))
        out[rows] = kept.astype(np.uint8)
    return out, seen


def _prepared(rgb: UInt8Array, camera: Camera, px_per_deg: float) -> tuple[Float32Array, int]:
    """Return the photo shrunk to about ``px_per_deg``, and how many columns wrap on each side."""
    shrink = camera.px_per_deg / px_per_deg
    if shrink > 1.0:
        size = [max(1, math.ceil(side / shrink)) for side in (camera.width_px, camera.height_px)]
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    source = rgb.astype(np.float32)
    if camera.projection is Projection.PERSPECTIVE or camera.width_px < camera.full_width - 0.5:
        return source, 0
    return np.concatenate((source[:, -1:], source, source[:, :1]), axis=1), 1


def _bands(spec: GroundSpec, times: int) -> Iterator[slice]:
    """Yield slices of rows whose samples fit the working memory."""
    rows = max(1, _BAND_SAMPLES // (spec.width_px * times * times))
    for start in range(0, spec.height_px, rows):
        yield slice(start, min(start + rows, spec.height_px))


def _directions(
    spec: GroundSpec, rows: slice, times: int, axis_deg: float
) -> tuple[FloatArray, FloatArray]:
    """Return azimuth from the optical axis and elevation of the samples, degrees."""
    columns = (np.arange(spec.width_px * times) + 0.5) / times
    lines = (np.arange(rows.start * times, rows.stop * times) + 0.5) / times
    azimuth_deg = (columns / spec.width_px - 0.5) * 360.0 - axis_deg
    span_deg = spec.elevation_top_deg - spec.elevation_bottom_deg
    elevation_deg = spec.elevation_top_deg - lines / spec.height_px * span_deg
    grid = np.meshgrid(azimuth_deg, elevation_deg)
    return grid[0], grid[1]


def photo_coordinates(
    camera: Camera, azimuth_deg: FloatArray, elevation_deg: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return continuous pixel coordinates (x right, y down) of directions, and which are inside.

    ``azimuth_deg`` counts from the azimuth of the optical axis. Pinhole: ``x = cx + f r / w``;
    equirectangular: linear in the angles.
    """
    right, up, forward = _camera_axes(camera, azimuth_deg, elevation_deg)
    if camera.projection is Projection.PERSPECTIVE:
        ahead = forward > 1e-6
        depth = np.where(ahead, forward, 1.0)
        focal_px = camera.px_per_deg * 180.0 / math.pi
        x = camera.width_px / 2.0 + focal_px * right / depth
        y = camera.height_px / 2.0 - focal_px * up / depth
        inside = ahead & (x >= 0) & (x <= camera.width_px)
    else:
        turn = np.arctan2(right, forward) / (2.0 * math.pi) + 0.5
        x = np.mod(turn * camera.full_width - camera.left, camera.full_width)
        lift = np.arcsin(np.clip(up, -1.0, 1.0)) / math.pi
        y = (0.5 - lift) * camera.full_height - camera.top
        inside = (x >= 0) & (x <= camera.width_px)
    inside &= (y >= 0) & (y <= camera.height_px)
    x = np.clip(x, -1.0, camera.width_px + 1.0)
    y = np.clip(y, -1.0, camera.height_px + 1.0)
    return x, y, inside


def _camera_axes(
    camera: Camera, azimuth_deg: FloatArray, elevation_deg: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the unit directions in the camera's frame: right, up, forward."""
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    right = np.sin(azimuth) * np.cos(elevation)
    ahead = np.cos(azimuth) * np.cos(elevation)
    up = np.sin(elevation)
    pitch, roll = math.radians(camera.pitch_deg), math.radians(camera.roll_deg)
    forward = ahead * math.cos(pitch) + up * math.sin(pitch)
    up = up * math.cos(pitch) - ahead * math.sin(pitch)
    turned_right = right * math.cos(roll) - up * math.sin(roll)
    turned_up = right * math.sin(roll) + up * math.cos(roll)
    return turned_right, turned_up, forward


def _block_sum(values: Float32Array, times: int) -> Float32Array:
    """Return the sums over ``times`` x ``times`` blocks of ``[H, W, C]``."""
    height, width, channels = values.shape
    blocks = values.reshape(height // times, times, width // times, times, channels)
    return np.asarray(blocks.sum(axis=(1, 3)), np.float32)
