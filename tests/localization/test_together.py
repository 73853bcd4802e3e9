"""Photos combined: what they agree on wins, nobody rules it out, one alone is left alone."""

import numpy as np
import pytest

from cvgl_core.localization.estimate import fused_mode
from cvgl_core.localization.motion import Step
from cvgl_core.localization.posterior import Cells, TileProbabilities, Vote, fuse
from cvgl_core.localization.rerank import RankedTile
from cvgl_core.localization.result import Fused
from cvgl_core.localization.together import Said, Weighing
from cvgl_core.localization.together import combine as combined

CELL_M = 1.0
SIDE = 64
AREA_M2 = 1e6
TILES = ((0, 0), (0, 200), (200, 0))
WEIGHING = Weighing(AREA_M2, smoothing_m=1.5, overlap=1.0)


def photo(shares, spots, sharp=2.0, outside=0.1, temperature=1.0):
    """A posterior: a share for each tile, and where in it (row, col) the heatmap peaks."""
    shares = np.array(shares, float) * (1 - outside) / sum(shares)
    axis = np.arange(SIDE) + 0.5
    votes = []
    for (row, col), share, (down, right) in zip(TILES, shares, spots, strict=True):
        away = (axis[:, None] - down) ** 2 + (axis[None] - right) ** 2
        heatmap = (-0.5 * away / sharp**2 * temperature).astype(np.float32)
        votes.append(Vote(row, col, float(share), heatmap))
    order = np.argsort(-shares)
    votes = [votes[i] for i in order]
    ranked = [
        RankedTile(int(i), n + 1, 0.5, 0.5, 0, np.array([share], np.float32))
        for n, (i, share) in enumerate(zip(order, shares[order], strict=True))
    ]
    field = fuse(votes, CELL_M, temperature)
    place = fused_mode(field, votes, 1.5)
    probabilities = TileProbabilities(shares[order], outside)
    return Fused(ranked, votes, probabilities, field, place, temperature=temperature)


def total(fused):
    return fused.field.total() + fused.shares.outside


def combine(photos, steps, weighing):
    return combined([Said(one) for one in photos], steps, weighing)


MIDDLE = (32.0, 32.0)
SPOTS = [MIDDLE] * 3


def test_one_photo_is_what_it_was():
    alone = photo([5, 3, 2], SPOTS, outside=0.25, temperature=0.5)
    (joint,) = combine([alone], [], WEIGHING)
    assert joint is alone
    # A second one that says nothing changes nothing.
    nothing = photo([1, 1, 1], SPOTS, sharp=1e6, outside=0.2)
    joint, _ = combine(
        [alone, nothing], [Step(reach_m=1e4)], Weighing(AREA_M2, 1.5, 1.0, 0.0, silent=1e-9)
    )
    assert joint.shares.outside == pytest.approx(0.25, rel=0.05)
    np.testing.assert_allclose(joint.shares.tiles, alone.shares.tiles, rtol=0.05)
    assert (joint.place.x_m, joint.place.y_m) == pytest.approx(
        (alone.place.x_m, alone.place.y_m), abs=0.05
    )
    assert [tile.tile for tile in joint.ranked] == [tile.tile for tile in alone.ranked]


def test_what_all_agree_on_beats_what_each_likes_best():
    photos = [photo([5, 4, 0.1], SPOTS), photo([0.1, 4, 5], SPOTS), photo([3, 4, 3], SPOTS)]
    joint = combine(photos, [Step(reach_m=10.0)] * 2, WEIGHING)
    for one in joint:
        assert one.ranked[0].tile == 1
        assert one.votes[0].probability > 0.8
        assert (one.place.x_m, one.place.y_m) == pytest.approx((232.0, -32.0), abs=1.0)
        assert total(one) == pytest.approx(1.0, abs=1e-6)
        assert one.shares.outside < 0.1


def test_a_known_way_moves_each_photo_by_it():
    start, end = [(20.0, 20.0)] * 3, [(35.0, 45.0)] * 3  # 25 m east and 15 m south of it
    photos = [photo([4, 5, 1], start), photo([4, 5, 3], end)]
    joint = combine(photos, [Step(25.0, -15.0, std_m=2.0)], WEIGHING)
    assert (joint[0].place.x_m, joint[0].place.y_m) == pytest.approx((220, -20), abs=1.0)
    moved_m = (joint[1].place.x_m - joint[0].place.x_m, joint[1].place.y_m - joint[0].place.y_m)
    assert moved_m == pytest.approx((25, -15), abs=1.0)


def test_a_way_that_does_not_fit_counts_against_a_place():
    near = photo([1, 1, 1], [(20.0, 20.0), MIDDLE, MIDDLE])
    far = photo([1, 1, 1], [(20.0, 60.0), MIDDLE, MIDDLE])  # 40 m on in the first tile only
    joint = combine([near, far], [Step(std_m=2.0)], WEIGHING)
    for one in joint:
        assert one.ranked[-1].tile == 0
        assert one.shares.tiles[-1] < 0.1


def test_no_photo_rules_out_what_the_others_are_sure_of():
    sure = photo([0, 1, 0], SPOTS, outside=0.01)
    misled = photo([1, 1e-9, 1e-9], SPOTS, outside=0.01)
    joint = combine([sure, sure, misled, sure], [Step(reach_m=5.0)] * 3, WEIGHING)
    assert [one.ranked[0].tile for one in joint] == [1, 1, 1, 1]
    assert joint[0].votes[0].probability > 0.8


def test_all_were_taken_here_or_none():
    lost = [photo([1, 1, 1], SPOTS, sharp=20.0, outside=0.9) for _ in range(4)]
    joint = combine(lost, [Step(reach_m=5.0)] * 3, WEIGHING)
    assert len({one.shares.outside for one in joint}) == 1
    # Each is best elsewhere: no place suits them all.
    scattered = [photo(np.eye(3)[i % 3] + 1e-6, SPOTS, outside=0.85) for i in range(3)]
    apart = combine(scattered, [Step(reach_m=5.0)] * 2, WEIGHING)
    agreed = combine([scattered[0]] * 3, [Step(reach_m=5.0)] * 2, WEIGHING)
    assert agreed[0].shares.outside < 0.5 < apart[0].shares.outside


def test_correlated_photos_say_less():
    photos = [photo([4, 5, 1], SPOTS, outside=0.3) for _ in range(4)]
    steps = [Step(reach_m=5.0)] * 3
    probability = [
        combine(photos, steps, Weighing(AREA_M2, 1.5, 1.0, correlation))[0].votes[0].probability
        for correlation in (0.0, 0.3, 1.0)
    ]
    assert probability[0] > probability[1] > probability[2]
    assert Weighing(1.0, 1.0, correlation=1.0).exponent(5) == pytest.approx(0.2)
    assert Weighing(1.0, 1.0, correlation=0.0).exponent(5) == 1.0


def test_the_order_of_the_photos_does_not_matter_when_turned_round():
    photos = [
        photo([4, 5, 1], SPOTS),
        photo([5, 4, 3], [(20.0, 45.0)] * 3),
        photo([2, 2, 3], SPOTS),
    ]
    steps = [Step(13.0, 12.0, std_m=3.0), Step(reach_m=30.0)]
    there = combine(photos, steps, WEIGHING)
    back = combine(photos[::-1], [step.back() for step in steps[::-1]], WEIGHING)
    for one, other in zip(there, back[::-1], strict=True):
        np.testing.assert_allclose(one.shares.tiles, other.shares.tiles, rtol=1e-6)
        assert one.shares.outside == pytest.approx(other.shares.outside, rel=1e-6)


def test_weights_between_coarse_cells_are_smooth():
    from cvgl_core.localization.posterior import MassField
    from cvgl_core.localization.together import _FineWeights

    field = MassField(4.0)
    field.add(-8, -8, np.add.outer(np.zeros(40), np.arange(40.0)))
    window = _FineWeights(field, 4)(-3, 5, 20, 31)
    columns = np.arange(5, 36)
    np.testing.assert_allclose(window, np.tile((columns + 0.5) / 4 - 0.5 + 8, (20, 1)), atol=1e-6)


def test_cells_are_kept_when_they_are_halved():
    from cvgl_core.localization.together import _halved

    cells = Cells(np.array([-1, 0, 1, 5]), np.array([3, 3, 2, 9]), np.ones(4))
    halved = _halved(cells, 1)
    assert halved.mass.sum() == 4
    assert sorted(zip(halved.rows.tolist(), halved.cols.tolist(), strict=True)) == [
        (-1, 1), (0, 1), (2, 4),
    ]  # fmt: skip


def test_scores_that_no_calibration_fits_are_no_evidence_of_outside():
    agreed = [photo([0, 1, 0], SPOTS, outside=0.99) for _ in range(3)]
    steps = [Step(reach_m=5.0)] * 2
    counted = combined([Said(one) for one in agreed], steps, WEIGHING)
    unheard = combined([Said(one, of_outside=False) for one in agreed], steps, WEIGHING)
    assert unheard[0].shares.outside < 0.01 < counted[0].shares.outside
