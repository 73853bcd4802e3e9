"""A photo resampled, averaged over area: as the network sees it, or as another camera would.

Directions and tilts are those of ``camera``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from cvgl_core.errors import PhotoViewError
from cvgl_core.photo.camera import Camera, camera_of, directions_of, photo_coordinates
from cvgl_core.types import (
    BoolArray,
    Float32Array,
    FloatArray,
    GroundSpec,
    GroundView,
    IntArray,
    Photo,
    Projection,
    UInt8Array,
)

MEAN_GREY = (115, 115, 115)
MIN_FINENESS, MAX_FINENESS, MAX_PERSPECTIVE_FINENESS = 2, 6, 4
MAX_SAMPLES = 16
_BAND_SAMPLES = 1 << 20


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
    rgb, seen = _resample(photo.rgb, camera, _Strip(spec, axis_deg), fill_rgb)
    return GroundView(
        rgb=rgb,
        visible=np.asarray(seen.any(axis=0), np.bool_),
        centre_azimuth_deg=None if heading_deg is None else 0.0,
        centre_heading_offset_deg=axis_deg,
    )


def to_perspective(
    photo: Photo,
    fov_deg: float,
    size_px: tuple[int, int],
    turn_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
    fill_rgb: tuple[int, int, int] = MEAN_GREY,
) -> UInt8Array:
    """Return the picture ``[H, W, 3]`` that a pinhole camera at the same place would take.

    Args:
        photo: a panorama, or a photo to be levelled.
        fov_deg: horizontal field of view of the picture.
        size_px: its width and height.
        turn_deg: azimuth of its optical axis from that of the photo.
        pitch_deg: of its optical axis above the horizon.
        roll_deg: of the camera, clockwise seen from behind.
        fill_rgb: colour of what the photo does not show.

    Raises:
        PhotoViewError: the photo's field of view is not known.
    """
    pinhole = Camera.pinhole(*size_px, fov_deg, pitch_deg, roll_deg)
    rgb, _ = _resample(photo.rgb, camera_of(photo), _Pinhole(pinhole, turn_deg), fill_rgb)
    return rgb


class _Target(Protocol):
    """A picture to be made, and where its pixels look from the optical axis of the photo."""

    @property
    def height_px(self) -> int: ...

    @property
    def width_px(self) -> int: ...

    @property
    def px_per_deg(self) -> float: ...

    def directions(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return azimuth and elevation ``[len(y), len(x)]`` of pixel coordinates, degrees."""


@dataclass(frozen=True)
class _Strip:
    """The full circle that a network sees."""

    spec: GroundSpec
    axis_deg: float

    @property
    def height_px(self) -> int:
        return self.spec.height_px

    @property
    def width_px(self) -> int:
        return self.spec.width_px

    @property
    def px_per_deg(self) -> float:
        return self.spec.width_px / 360.0

    def directions(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        azimuth_deg = (x / self.spec.width_px - 0.5) * 360.0 - self.axis_deg
        span_deg = self.spec.elevation_top_deg - self.spec.elevation_bottom_deg
        elevation_deg = self.spec.elevation_top_deg - y / self.spec.height_px * span_deg
        grid = np.meshgrid(azimuth_deg, elevation_deg)
        return grid[0], grid[1]


@dataclass(frozen=True)
class _Pinhole:
    """A picture by another camera at the same place."""

    camera: Camera
    turn_deg: float

    @property
    def height_px(self) -> int:
        return self.camera.height_px

    @property
    def width_px(self) -> int:
        return self.camera.width_px

    @property
    def px_per_deg(self) -> float:
        return self.camera.px_per_deg

    def directions(self, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        azimuth_deg, elevation_deg = directions_of(self.camera, *np.meshgrid(x, y))
        return azimuth_deg + self.turn_deg, elevation_deg


def _resample(
    rgb: UInt8Array, camera: Camera, target: _Target, fill_rgb: tuple[int, int, int]
) -> tuple[UInt8Array, BoolArray]:
    """Return a picture ``[H, W, 3]`` and which of its pixels are seen ``[H, W]``.

    The photo is shrunk by area to a few pixels for each of the target, sampled so often that none
    of these is left out in its finest corner either, and averaged over what is seen.
    """
    most = MAX_FINENESS if camera.densest == 1.0 else MAX_PERSPECTIVE_FINENESS
    fineness = min(max(math.ceil(camera.px_per_deg / target.px_per_deg), MIN_FINENESS), most)
    times = min(math.ceil(fineness * camera.densest), MAX_SAMPLES)
    source, wraps = _prepared(rgb, camera, fineness * target.px_per_deg)
    out = np.empty((target.height_px, target.width_px, 3), np.uint8)
    out[:] = fill_rgb
    seen = np.zeros((target.height_px, target.width_px), np.bool_)
    columns = _columns_in_reach(camera, target)
    if not len(columns):  # narrower than a column of the target
        return out, seen
    for rows in _bands(target.height_px, len(columns) * times * times):
        x, y, inside = photo_coordinates(
            camera, *target.directions(_samples(columns, times), _samples(rows, times))
        )
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
        here = total[..., 0] >= 0.5 * times * times
        kept = np.where(here[..., None], colour + 0.5, np.array(fill_rgb, np.float32))
        out[np.ix_(rows, columns)] = kept.astype(np.uint8)
        seen[np.ix_(rows, columns)] = here
    return out, seen


def _columns_in_reach(camera: Camera, target: _Target) -> IntArray:
    """Return the columns of the target that may show some of the photo."""
    columns, rows = np.arange(target.width_px), np.arange(target.height_px)
    directions = target.directions(_samples(columns, MIN_FINENESS), _samples(rows, MIN_FINENESS))
    inside = photo_coordinates(camera, *directions)[2].any(axis=0)
    near = inside.reshape(-1, MIN_FINENESS).any(axis=1)
    return np.flatnonzero(near | np.roll(near, 1) | np.roll(near, -1))


def _samples(pixels: IntArray, times: int) -> FloatArray:
    """Return the coordinates of ``times`` samples in each pixel."""
    return np.asarray(
        (pixels[:, None] + (np.arange(times) + 0.5)[None] / times).reshape(-1), np.float64
    )


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


def _bands(height_px: int, samples_per_row: int) -> Iterator[IntArray]:
    """Yield runs of rows whose samples fit the working memory."""
    count = max(1, _BAND_SAMPLES // max(1, samples_per_row))
    for start in range(0, height_px, count):
        yield np.arange(start, min(start + count, height_px))


def _block_sum(values: Float32Array, times: int) -> Float32Array:
    """Return the sums over ``times`` x ``times`` blocks of ``[H, W, C]``."""
    height, width, channels = values.shape
    blocks = values.reshape(height // times, times, width // times, times, channels)
    return np.asarray(blocks.sum(axis=(1, 3)), np.float32)
