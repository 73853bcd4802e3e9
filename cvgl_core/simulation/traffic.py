"""Cars: stamped on the spots of a plan, others on every day."""

from __future__ import annotations

import cv2
import numpy as np

from cvgl_core.simulation.canvas import SHIFT, Canvas
from cvgl_core.simulation.plan import Surface
from cvgl_core.types import Float32Array, FloatArray, UInt8Array

_PAINTS = np.array(
    [(224, 224, 224), (176, 178, 180), (112, 114, 117), (38, 39, 42), (58, 60, 64),
     (128, 46, 42), (52, 70, 104), (168, 156, 138), (186, 160, 84), (72, 84, 74)], np.float64
)  # fmt: skip
_SHARES = np.array([0.24, 0.17, 0.17, 0.14, 0.09, 0.06, 0.07, 0.03, 0.01, 0.02])
_BODY_M = 0.95
_CABIN_M = 1.5


def _boxes(
    spots: FloatArray, half_length: FloatArray, half_width: FloatArray, shift: FloatArray
) -> FloatArray:
    """Return corners ``[C, 4, 2]`` of boxes at spots, moved along their own direction."""
    cos, sin = np.cos(spots[:, 2]), np.sin(spots[:, 2])
    ahead = np.stack([cos, sin], axis=1)
    aside = np.stack([-sin, cos], axis=1)
    centre = spots[:, :2] + ahead * shift[:, None]
    a, b = ahead * half_length[:, None], aside * half_width[:, None]
    return np.stack([centre + a + b, centre + a - b, centre - a - b, centre - a + b], axis=1)


def _usable(canvas: Canvas, corners_m: FloatArray) -> np.ndarray:
    """Tell which boxes stand wholly on asphalt or paving, inside the raster."""
    px = np.floor(corners_m / canvas.gsd_m_per_px).astype(int)
    rows, cols = canvas.surface.shape
    inside = ((px >= 0) & (px < (cols, rows))).all(axis=(1, 2))
    px = np.clip(px, 0, (cols - 1, rows - 1))
    ground = canvas.surface[px[..., 1], px[..., 0]]
    good = (ground == int(Surface.ROAD)) | (ground == int(Surface.PAVING))
    return np.asarray(inside & good.all(axis=1))


def park_cars(
    canvas: Canvas,
    spots: Float32Array,
    rng: np.random.Generator,
    albedo: UInt8Array,
    height_m: Float32Array,
) -> None:
    """Stamp one day's cars into a colour and a height raster, in place.

    Each spot is taken with probability .8, independently of every other day.
    """
    count = len(spots)
    taken = rng.random(count) < 0.8
    length = rng.uniform(4.0, 5.0, count) / 2
    width = rng.uniform(1.7, 1.95, count) / 2
    van = rng.random(count) < 0.08
    length = np.where(van, length * 1.2, length)
    paint = _PAINTS[rng.choice(len(_PAINTS), count, p=_SHARES)] + rng.normal(0, 7, (count, 1))
    jitter = rng.normal(0, (0.35, 0.12, 0.03), (count, 3))
    angle = spots[:, 2].astype(np.float64)
    places = np.stack(
        [
            spots[:, 0] + jitter[:, 0] * np.cos(angle) - jitter[:, 1] * np.sin(angle),
            spots[:, 1] + jitter[:, 0] * np.sin(angle) + jitter[:, 1] * np.cos(angle),
            angle + jitter[:, 2],
        ],
        axis=1,
    )
    body = _boxes(places, length, width, np.zeros(count))
    cabin_shift = np.where(van, -0.25, -0.25)
    cabin_half = length * np.where(van, 0.78, 0.56)
    cabin = _boxes(places, cabin_half, width * 0.88, cabin_shift)
    roof = _boxes(places, cabin_half - np.where(van, 0.25, 0.55), width * 0.8, cabin_shift - 0.05)
    keep = taken & _usable(canvas, body)
    tops = np.where(van, 2.1, _CABIN_M)
    fixed = [canvas.corners(boxes) for boxes in (body, cabin, roof)]
    tones = np.clip(paint, 20, 236)
    for i in np.flatnonzero(keep):
        rgb = tones[i].tolist()
        glass = (tones[i] * 0.35 + 18).tolist()
        for boxes, colour in zip(fixed, (rgb, glass, rgb), strict=True):
            cv2.fillPoly(albedo, [boxes[i]], colour, cv2.LINE_8, SHIFT)
        cv2.fillPoly(height_m, [fixed[0][i]], _BODY_M, cv2.LINE_8, SHIFT)
        cv2.fillPoly(height_m, [fixed[1][i]], float(tops[i]), cv2.LINE_8, SHIFT)
