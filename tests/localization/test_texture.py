from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.localization.texture import SearchArea, Texture, texture_of
from tests.localization.above import painted_ground


def by_hand(area: Texture, wanted: Texture, row: int, col: int) -> float:
    """The cosine over what both show, the middle of what is wanted at a pixel of the area."""
    height, width = wanted.seen.shape
    top, left = row - height // 2, col - width // 2
    product = own = others = shared = 0.0
    for y in range(height):
        for x in range(width):
            inside = 0 <= top + y < area.seen.shape[0] and 0 <= left + x < area.seen.shape[1]
            if not inside or not wanted.seen[y, x] or not area.seen[top + y, left + x]:
                continue
            one, other = wanted.values[:, y, x], area.values[:, top + y, left + x]
            product += float(one @ other)
            own, others, shared = own + float(one @ one), others + float(other @ other), shared + 1
    if shared <= 0.5 * wanted.seen.sum():
        return float("nan")
    return product / np.sqrt(max(own, 1.0) * max(others, 1.0))


@pytest.mark.parametrize("size", [(14, 20), (15, 9)])
def test_scores_are_the_cosines_counted_by_hand(size: tuple[int, int]) -> None:
    ground = painted_ground(48, 3)
    valid = np.ones((48, 48), bool)
    valid[:, :10] = False
    area = texture_of(ground, valid)
    seen = np.ones(size, bool)
    seen[:4, :6] = False
    wanted = texture_of(ground[20 : 20 + size[0], 15 : 15 + size[1]], seen)
    scores = SearchArea(area, max(size)).scores(wanted)
    assert scores.shape == (48, 48)
    for row, col in [(0, 0), (5, 30), (24, 24), (27, 25), (47, 47), (30, 11), (10, 3), (2, 40)]:
        expected = by_hand(area, wanted, row, col)
        assert scores[row, col] == pytest.approx(expected, abs=1e-5, nan_ok=True)
    best = np.unravel_index(np.nanargmax(scores), scores.shape)
    assert best == (20 + size[0] // 2, 15 + size[1] // 2)


def test_brightness_and_contrast_hardly_matter() -> None:
    ground = painted_ground(96, 4)
    area = SearchArea(texture_of(ground, np.ones((96, 96), bool)), 40)
    part = np.clip(0.6 * ground[30:70, 40:80].astype(float) + 40, 0, 255).astype(np.uint8)
    scores = area.scores(texture_of(part, np.ones((40, 40), bool)))
    assert np.unravel_index(np.nanargmax(scores), scores.shape) == (50, 60)
    assert np.nanmax(scores) > 0.8


def test_what_is_not_seen_says_nothing() -> None:
    ground = painted_ground(40, 5)
    seen = np.zeros((40, 40), bool)
    seen[:20] = True
    other = ground.copy()
    other[20:] = 255
    one, two = texture_of(ground, seen), texture_of(other, seen)
    # Edges and means next to the border look a few pixels beyond it, no farther than the mask.
    assert not one.values[:, 20:].any()
    assert np.abs(one.values - two.values)[:, :15].max() < 1e-5
