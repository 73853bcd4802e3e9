"""How a photo was tilted, from the upright edges of what it shows.

Edges of buildings, windows and posts that stand upright lie in planes through the camera which all
hold the vertical. Line segments are found in the picture, every likely vertical is tried, and the
one that most of their length agrees with is refined by least squares. Pitch and roll follow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.photo.camera import Camera
from cvgl_core.types import FloatArray, UInt8Array

WORK_PX = 960
MAX_PITCH_DEG, MAX_ROLL_DEG = 25.0, 15.0
GRID_DEG, SPREAD_DEG, AGREE_DEG, NEAR_DEG = 1.0, 1.0, 1.5, 8.0
MIN_SEGMENT, MAX_SEGMENT = 0.03, 0.3
FLOOR_DEG = 0.2
"""What distortion of the lens and houses that lean add, however many edges agree."""
MIN_COUNT, MIN_LENGTH, MIN_SHARE, MAX_STD_DEG = 15, 2.5, 0.8, 0.5


@dataclass(frozen=True)
class Tilt:
    """Pitch (up) and roll (clockwise camera) in degrees, and how well they are known.

    Attributes:
        pitch_deg, roll_deg: of the camera.
        pitch_std_deg, roll_std_deg: standard deviations by the scatter of the segments.
        count: segments that agree.
        length: their length together, in longer sides of the picture.
        share: of the length of all nearly upright segments.
    """

    pitch_deg: float
    roll_deg: float
    pitch_std_deg: float
    roll_std_deg: float
    count: int
    length: float
    share: float

    @property
    def trustworthy(self) -> bool:
        """Whether using it is better than to take the photo for level, as measured."""
        return (
            self.count >= MIN_COUNT
            and self.length >= MIN_LENGTH
            and self.share >= MIN_SHARE
            and max(self.pitch_std_deg, self.roll_std_deg) <= MAX_STD_DEG
            and abs(self.pitch_deg) < MAX_PITCH_DEG - GRID_DEG
            and abs(self.roll_deg) < MAX_ROLL_DEG - GRID_DEG
        )


def estimate_tilt(rgb: UInt8Array, fov_deg: float) -> Tilt | None:
    """Return how a perspective picture ``[H, W, 3]`` was tilted; None where nothing stands upright.

    Args:
        rgb: the picture.
        fov_deg: its horizontal field of view.
    """
    planes, lengths = _planes(rgb, fov_deg)
    if len(planes) < MIN_COUNT:
        return None
    weights = np.minimum(lengths, MAX_SEGMENT)
    up = _refined(planes, weights, _likeliest(planes, weights))
    miss_deg = np.degrees(np.arcsin(np.clip(planes @ up, -1.0, 1.0)))
    agree = np.abs(miss_deg) < AGREE_DEG
    if agree.sum() < MIN_COUNT:
        return None
    pitch_deg = math.degrees(math.asin(min(max(float(up[2]), -1.0), 1.0)))
    roll_deg = math.degrees(math.atan2(-up[0], up[1]))
    near = float(lengths[np.abs(miss_deg) < NEAR_DEG].sum())
    stds = _deviations(planes[agree], weights[agree], miss_deg[agree], pitch_deg, roll_deg)
    length = float(lengths[agree].sum())
    return Tilt(pitch_deg, roll_deg, *stds, int(agree.sum()), length, length / near)


def _planes(rgb: UInt8Array, fov_deg: float) -> tuple[FloatArray, FloatArray]:
    """Return the planes through the camera that hold a line segment, and its length.

    Returns:
        unit normals ``[N, 3]`` along right, up, forward; lengths ``[N]`` in longer sides.
    """
    height_px, width_px = rgb.shape[:2]
    scale = min(1.0, WORK_PX / max(height_px, width_px))
    size = (max(1, round(width_px * scale)), max(1, round(height_px * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    found = cv2.createLineSegmentDetector().detect(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY))[0]
    ends = np.asarray([] if found is None else found, np.float64).reshape(-1, 2, 2)
    lengths = np.hypot(*(ends[:, 1] - ends[:, 0]).T) / max(size)
    ends, lengths = ends[lengths > MIN_SEGMENT], lengths[lengths > MIN_SEGMENT]
    focal_px = Camera.pinhole(*size, fov_deg, 0.0, 0.0).focal_px
    rays = np.stack(
        (
            (ends[..., 0] - size[0] / 2.0) / focal_px,
            (size[1] / 2.0 - ends[..., 1]) / focal_px,
            np.ones(ends.shape[:2]),
        ),
        axis=-1,
    )
    normals = np.cross(rays[:, 0], rays[:, 1])
    return normals / np.linalg.norm(normals, axis=1, keepdims=True), lengths


def _vertical(pitch_deg: FloatArray | float, roll_deg: FloatArray | float) -> FloatArray:
    """Return the vertical of a tilted camera, unit vectors along right, up, forward."""
    pitch, roll = np.radians(pitch_deg), np.radians(roll_deg)
    return np.stack(
        (-np.cos(pitch) * np.sin(roll), np.cos(pitch) * np.cos(roll), np.sin(pitch) + 0.0 * roll),
        axis=-1,
    )


def _likeliest(planes: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the vertical of a grid of tilts that most of the length agrees with."""
    pitch, roll = np.meshgrid(
        np.arange(-MAX_PITCH_DEG, MAX_PITCH_DEG + GRID_DEG / 2, GRID_DEG),
        np.arange(-MAX_ROLL_DEG, MAX_ROLL_DEG + GRID_DEG / 2, GRID_DEG),
    )
    tried = _vertical(pitch.ravel(), roll.ravel())
    miss = np.degrees(np.arcsin(np.clip(tried @ planes.T, -1.0, 1.0))) / SPREAD_DEG
    return np.asarray(tried[int((np.exp(-0.5 * miss * miss) @ weights).argmax())], np.float64)


def _refined(planes: FloatArray, weights: FloatArray, up: FloatArray) -> FloatArray:
    """Return the vertical by least squares, far segments counting less and less."""
    for _ in range(5):
        miss = np.degrees(np.arcsin(np.clip(planes @ up, -1.0, 1.0))) / SPREAD_DEG
        scatter = (planes * (weights * np.exp(-0.5 * miss * miss))[:, None]).T @ planes
        axis = np.linalg.eigh(scatter)[1][:, 0]
        up = axis if axis[1] >= 0 else -axis
    return up


def _deviations(
    planes: FloatArray,
    weights: FloatArray,
    miss_deg: FloatArray,
    pitch_deg: float,
    roll_deg: float,
) -> tuple[float, float]:
    """Return the standard deviations of pitch and roll, by the scatter of what agrees."""
    step_deg = 0.1
    here = _vertical(pitch_deg, roll_deg)
    slopes = np.stack(
        [
            planes @ (_vertical(pitch_deg + step_deg, roll_deg) - here),
            planes @ (_vertical(pitch_deg, roll_deg + step_deg) - here),
        ],
        axis=1,
    ) / math.radians(step_deg)
    share = weights / weights.mean()
    variance = max(float((share * miss_deg**2).sum()) / (len(planes) - 2), 0.05)
    spread = np.diag(np.linalg.pinv((slopes * share[:, None]).T @ slopes)) * variance
    return math.hypot(FLOOR_DEG, spread[0] ** 0.5), math.hypot(FLOOR_DEG, spread[1] ** 0.5)
