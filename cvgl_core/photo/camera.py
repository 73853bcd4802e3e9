"""How the pixels of a photo lie in directions.

Directions: azimuth clockwise from north, elevation up from the horizon. In the camera's frame
``right, up, forward``; pitch lifts the axis, roll turns the camera clockwise as seen from behind
it (the horizon turns counter-clockwise in the picture, as GPano defines it).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cvgl_core.errors import PhotoViewError
from cvgl_core.types import BoolArray, FloatArray, Photo, PhotoMetadata, Projection

MAX_PERSPECTIVE_FOV_DEG = 170.0
_NEAREST = 1e-6


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
        off_right_px, off_down_px: where the axis meets a perspective picture, from its middle.
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
    off_right_px: float = 0.0
    off_down_px: float = 0.0

    @classmethod
    def pinhole(
        cls, width_px: int, height_px: int, fov_deg: float, pitch_deg: float, roll_deg: float
    ) -> Camera:
        """Return a perspective camera of a horizontal field of view."""
        focal_px = width_px / 2.0 / math.tan(math.radians(fov_deg) / 2.0)
        px_per_deg = focal_px * math.pi / 180.0
        return cls(
            Projection.PERSPECTIVE,
            width_px,
            height_px,
            px_per_deg,
            pitch_deg=pitch_deg,
            roll_deg=roll_deg,
        )

    @property
    def focal_px(self) -> float:
        """Focal length of a perspective picture."""
        return self.px_per_deg * 180.0 / math.pi

    @property
    def densest(self) -> float:
        """How many times finer the picture is in its corners than at the axis.

        A pinhole shows ``1 / cos^2`` as many pixels to the degree, outwards from the axis.
        """
        if self.projection is Projection.EQUIRECTANGULAR:
            return 1.0
        return 1.0 + (math.hypot(self.width_px, self.height_px) / 2.0 / self.focal_px) ** 2


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
    camera = Camera.pinhole(
        width_px, height_px, fov_deg, meta.pitch_deg or 0.0, meta.roll_deg or 0.0
    )
    if meta.optical_centre_px is None:
        return camera
    x, y = meta.optical_centre_px
    return replace(
        camera,
        off_right_px=(x / meta.width_px - 0.5) * width_px,
        off_down_px=(y / meta.height_px - 0.5) * height_px,
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


def photo_coordinates(
    camera: Camera, azimuth_deg: FloatArray, elevation_deg: FloatArray
) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Return continuous pixel coordinates (x right, y down) of directions, and which are inside.

    ``azimuth_deg`` counts from the azimuth of the optical axis. Pinhole: ``x = cx + f r / w``;
    equirectangular: linear in the angles.
    """
    azimuth, elevation = np.radians(azimuth_deg), np.radians(elevation_deg)
    right, ahead = np.sin(azimuth) * np.cos(elevation), np.cos(azimuth) * np.cos(elevation)
    if camera.projection is Projection.PERSPECTIVE:
        x, y, depth = pixels_of(camera, right, ahead, np.sin(elevation))
        inside = (depth > _NEAREST) & (x >= 0) & (x <= camera.width_px)
    else:
        right, up, forward = _camera_axes(camera, right, ahead, np.sin(elevation))
        turn = np.arctan2(right, forward) / (2.0 * math.pi) + 0.5
        x = np.mod(turn * camera.full_width - camera.left, camera.full_width)
        lift = np.arcsin(np.clip(up, -1.0, 1.0)) / math.pi
        y = (0.5 - lift) * camera.full_height - camera.top
        inside = (x >= 0) & (x <= camera.width_px)
    inside &= (y >= 0) & (y <= camera.height_px)
    x = np.clip(x, -1.0, camera.width_px + 1.0)
    y = np.clip(y, -1.0, camera.height_px + 1.0)
    return x, y, inside


def directions_of(camera: Camera, x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return azimuth and elevation, degrees, of pixel coordinates of a perspective picture.

    ``azimuth_deg`` counts from the azimuth of the optical axis; the inverse of
    ``photo_coordinates``.
    """
    right, ahead, up = rays_of(camera, x, y)
    azimuth = np.arctan2(right, ahead)
    elevation = np.arctan2(up, np.hypot(right, ahead))
    return np.degrees(azimuth), np.degrees(elevation)


def rays_of(
    camera: Camera, x: FloatArray, y: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the rays of pixel coordinates of a perspective picture: right, ahead, up.

    Ahead is the level direction of the optical axis; of a camera that looks straight down, that of
    the picture's upper edge. Rays are as long as they reach along the axis: 1.
    """
    right = (x - camera.width_px / 2.0 - camera.off_right_px) / camera.focal_px
    up = (camera.height_px / 2.0 + camera.off_down_px - y) / camera.focal_px
    pitch, roll = math.radians(camera.pitch_deg), math.radians(camera.roll_deg)
    level_right = right * math.cos(roll) + up * math.sin(roll)
    up = up * math.cos(roll) - right * math.sin(roll)
    ahead = math.cos(pitch) - up * math.sin(pitch)
    rise = math.sin(pitch) + up * math.cos(pitch)
    return level_right, ahead, rise


def pixels_of(
    camera: Camera, right: FloatArray, ahead: FloatArray, up: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return pixel coordinates of rays in a perspective picture, and their depth along the axis.

    The inverse of ``rays_of``; what is not in front of the camera has a depth of 0 or less, and
    coordinates that mean nothing.
    """
    right, up, depth = _camera_axes(camera, right, ahead, up)
    safe = np.where(depth > _NEAREST, depth, 1.0)
    x = camera.width_px / 2.0 + camera.off_right_px + camera.focal_px * right / safe
    y = camera.height_px / 2.0 + camera.off_down_px - camera.focal_px * up / safe
    return x, y, depth


def _camera_axes(
    camera: Camera, right: FloatArray, ahead: FloatArray, up: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return level directions in the camera's frame: right, up, forward."""
    pitch, roll = math.radians(camera.pitch_deg), math.radians(camera.roll_deg)
    forward = ahead * math.cos(pitch) + up * math.sin(pitch)
    up = up * math.cos(pitch) - ahead * math.sin(pitch)
    turned_right = right * math.cos(roll) - up * math.sin(roll)
    turned_up = right * math.sin(roll) + up * math.cos(roll)
    return turned_right, turned_up, forward
