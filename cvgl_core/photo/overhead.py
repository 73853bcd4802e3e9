"""Photos from above as a map shows the ground: level ground, seen by a camera that looks down.

The frame is the camera's own: ``right_m`` and ``ahead_m`` from the point of the ground straight
under it, ahead being the level direction of the optical axis (of a camera that looks straight down,
that of the picture's upper edge). A heading turns that frame to the north. All of it assumes level
ground; what rises above it appears farther from the camera than it stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import shapely

from cvgl_core.errors import PhotoViewError
from cvgl_core.photo.camera import Camera, camera_of, pixels_of, rays_of
from cvgl_core.types import BoolArray, FloatArray, Photo, Projection, UInt8Array

REACH = 2.5
"""Ground farther ahead than so many heights is left out: it is seen too flat to be of use."""

STEEP_DEG = -30.0
"""A drone's photo is one from above where its axis points at least so far down."""

_OVERSAMPLING = 3
_MIN_HEIGHT_M, _MAX_HEIGHT_M = 2.0, 2000.0


@dataclass(frozen=True)
class Overhead:
    """A perspective camera above level ground.

    Attributes:
        camera: pixels, field of view, pitch and roll.
        height_m: above the ground.
        heading_deg: azimuth of the ahead direction, None where it is unknown.
    """

    camera: Camera
    height_m: float
    heading_deg: float | None


@dataclass(frozen=True)
class GroundPicture:
    """A square of level ground, resampled from a photo, ahead or north up.

    Attributes:
        rgb: ``[S, S, 3]``; filled where nothing is seen.
        seen: which pixels the photo shows ``[S, S]``.
        gsd_m_per_px: side of a pixel.
        camera_uv_px: the point under the camera, in continuous pixels of the square; it may lie
            outside.
    """

    rgb: UInt8Array
    seen: BoolArray
    gsd_m_per_px: float
    camera_uv_px: tuple[float, float]


def looks_from_above(photo: Photo, height_m: float | None = None) -> bool:
    """Whether a photo looks steeply down, and a drone took it or its height is known."""
    meta = photo.metadata
    steep = meta.pitch_deg is not None and meta.pitch_deg <= STEEP_DEG
    gimbal = meta.sources.get("pitch_deg", "").startswith("XMP drone-")
    flown = gimbal or height_m is not None or meta.height_m is not None
    return steep and flown and meta.projection is Projection.PERSPECTIVE


def overhead_of(
    photo: Photo, fov_deg: float | None = None, height_m: float | None = None
) -> Overhead:
    """Return the camera of a photo taken from above.

    Args:
        photo: pixels and metadata.
        fov_deg: horizontal field of view, instead of what the file says.
        height_m: of the camera above the ground, instead of what the file says.

    Raises:
        PhotoViewError: it is not known how steeply the camera looked down, from how high, or how
            wide; or it did not look down.
    """
    meta = photo.metadata
    camera = camera_of(photo, fov_deg)
    if camera.projection is not Projection.PERSPECTIVE:
        raise PhotoViewError(
            f"{photo.path}: a panorama cannot be laid out as a map; if it is a flat picture, pass"
            " --fov DEGREES"
        )
    if meta.pitch_deg is None:
        raise PhotoViewError(
            f"{photo.path}: the file does not state how steeply the camera looked down; pass"
            " --pitch DEGREES (-90 for straight down)"
        )
    if meta.pitch_deg > STEEP_DEG:
        raise PhotoViewError(
            f"{photo.path}: the camera looked down by {-meta.pitch_deg:g} degrees only; from"
            f" {-STEEP_DEG:g} on a photo can be compared from above"
        )
    height_m = meta.height_m if height_m is None else height_m
    if height_m is None:
        raise PhotoViewError(
            f"{photo.path}: the file does not state how high above the ground the drone was; pass"
            " --altitude-m METRES"
        )
    if not _MIN_HEIGHT_M <= height_m <= _MAX_HEIGHT_M:
        raise PhotoViewError(
            f"{photo.path}: {height_m:g} m above the ground is not within {_MIN_HEIGHT_M:g} to"
            f" {_MAX_HEIGHT_M:g}; pass --altitude-m METRES if the file is wrong"
        )
    return Overhead(camera, height_m, meta.heading_deg)


def ground_of(view: Overhead, x_px: FloatArray, y_px: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where pixels of the photo show the ground: right and ahead of the camera, metres.

    Rays that do not come down give NaN.
    """
    right, ahead, up = rays_of(view.camera, x_px, y_px)
    down = np.where(up < 0.0, -up, np.nan)
    return view.height_m * right / down, view.height_m * ahead / down


def photo_pixels(
    view: Overhead, right_m: FloatArray, ahead_m: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return where the photo shows places of the ground, and whether it does."""
    camera = view.camera
    x, y, depth = pixels_of(camera, right_m, ahead_m, np.full_like(right_m, -view.height_m))
    seen = (depth > 0.0) & (x >= 0.0) & (x <= camera.width_px)
    seen &= (y >= 0.0) & (y <= camera.height_px) & (ahead_m <= REACH * view.height_m)
    return x, y, seen


def footprint(view: Overhead) -> FloatArray:
    """Return the corners of the ground that is seen ``[N, 2]``: right and ahead, metres.

    Not farther ahead than ``REACH`` heights. In the picture that limit is a straight line, so the
    picture's outline is cut along it first.
    """
    camera = view.camera
    whole = shapely.box(0.0, 0.0, camera.width_px, camera.height_px)
    part = whole.intersection(_near_part(view))
    if part.geom_type != "Polygon" or part.is_empty:
        return np.zeros((0, 2))
    corners = shapely.get_coordinates(part)[:-1]
    right_m, ahead_m = ground_of(view, corners[:, 0], corners[:, 1])
    return np.stack([right_m, ahead_m], axis=1)


def _near_part(view: Overhead) -> shapely.Polygon:
    """Return the half of the picture's plane that shows ground no farther than the reach.

    There ``ahead + REACH * up <= 0``, which is linear in the pixel.
    """
    middle = np.array([view.camera.width_px, view.camera.height_px]) / 2.0
    size_px = 4.0 * float(np.hypot(*middle))
    x, y = middle[:, None] + np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    _, ahead, up = rays_of(view.camera, x, y)
    beyond = ahead + REACH * up
    slope = beyond[1:] - beyond[0]
    steepness = max(float(np.hypot(*slope)), 1e-12)
    outwards = slope / steepness
    foot = middle - outwards * np.clip(beyond[0] / steepness, -size_px, size_px)
    along = size_px * np.array([-outwards[1], outwards[0]])
    depth = 2.0 * size_px * outwards
    return shapely.Polygon([foot + along, foot - along, foot - along - depth, foot + along - depth])


def rectified(
    photo: Photo,
    view: Overhead,
    gsd_m_per_px: float,
    max_side_px: int,
    fill_rgb: tuple[int, int, int],
    turn_deg: float | None = None,
) -> GroundPicture:
    """Return the ground that a photo shows as a map would: a square around all of it.

    The photo is shrunk to about the resolution asked for, then each pixel averages 3 x 3 samples.

    Args:
        photo: pixels.
        view: its camera.
        gsd_m_per_px: side of a pixel.
        max_side_px: of the square; what is farther from the middle of the footprint is left out.
        fill_rgb: of what is not seen.
        turn_deg: azimuth of ahead to assume; by default the view's own, and if that is unknown
            ahead is up.

    Raises:
        PhotoViewError: the photo shows no ground.
    """
    corners = footprint(view)
    if not len(corners):
        raise PhotoViewError(f"{photo.path}: shows no ground below the camera")
    heading_deg = (view.heading_deg if turn_deg is None else turn_deg) or 0.0
    turned = turned_by(corners, heading_deg)
    low, high = turned.min(axis=0), turned.max(axis=0)
    side_px = min(max_side_px, math.ceil(float((high - low).max()) / gsd_m_per_px))
    centre_m = (low + high) / 2.0
    rgb, seen = _resampled(photo, view, heading_deg, gsd_m_per_px, side_px, centre_m, fill_rgb)
    u_px = side_px / 2.0 - float(centre_m[0]) / gsd_m_per_px
    v_px = side_px / 2.0 + float(centre_m[1]) / gsd_m_per_px
    return GroundPicture(rgb, seen, gsd_m_per_px, (u_px, v_px))


def turned_by(points_m: FloatArray, heading_deg: float) -> FloatArray:
    """Return right and ahead ``[N, 2]`` of a camera with a heading as east and north."""
    angle = math.radians(heading_deg)
    cos, sin = math.cos(angle), math.sin(angle)
    right_m, ahead_m = points_m[..., 0], points_m[..., 1]
    return np.stack([right_m * cos + ahead_m * sin, ahead_m * cos - right_m * sin], axis=-1)


def _resampled(
    photo: Photo,
    view: Overhead,
    heading_deg: float,
    gsd_m: float,
    side_px: int,
    centre_m: FloatArray,
    fill_rgb: tuple[int, int, int],
) -> tuple[UInt8Array, BoolArray]:
    """Return the square ``[S, S, 3]`` around a place, and which pixels are seen."""
    fine_px, fine_m = side_px * _OVERSAMPLING, gsd_m / _OVERSAMPLING
    steps_m = (np.arange(fine_px) + 0.5 - fine_px / 2.0) * fine_m
    east_m, north_m = np.meshgrid(steps_m + centre_m[0], centre_m[1] - steps_m)
    ground = turned_by(np.stack([east_m, north_m], axis=-1), -heading_deg)
    x, y, seen = photo_pixels(view, ground[..., 0], ground[..., 1])
    small, scale = _shrunk(photo.rgb, view.camera.focal_px / view.height_m * fine_m)
    picture = cv2.remap(
        small,
        np.where(seen, x * scale[0] - 0.5, -9.0).astype(np.float32),
        np.where(seen, y * scale[1] - 0.5, -9.0).astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    picture[~seen] = 0.0
    shape = (side_px, _OVERSAMPLING, side_px, _OVERSAMPLING)
    count = seen.reshape(shape).sum(axis=(1, 3))
    total = picture.reshape(*shape, 3).sum(axis=(1, 3))
    shown = count * 2 > _OVERSAMPLING**2
    rgb = np.rint(total / np.maximum(count, 1)[..., None]).astype(np.uint8)
    rgb[~shown] = np.array(fill_rgb, np.uint8)
    return rgb, shown


def _shrunk(rgb: UInt8Array, step_px: float) -> tuple[UInt8Array, tuple[float, float]]:
    """Return a photo whose pixels are about as far apart as samples every ``step_px``, and scales.

    At the point under the camera, where it is finest.
    """
    height_px, width_px = rgb.shape[:2]
    share = min(1.0, 1.0 / max(step_px, 1e-6))
    size = max(1, round(width_px * share)), max(1, round(height_px * share))
    if size == (width_px, height_px):
        return rgb, (1.0, 1.0)
    small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, (size[0] / width_px, size[1] / height_px)
