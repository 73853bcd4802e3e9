import numpy as np
import pytest

from cvgl_core.data.depthviews import SCALES, scene_views


def box(west, east, south, north, height, step=0.5):
    """The top of a box, and level ground around it, 40 m wide."""
    grid = np.arange(-20, 20, step) + step / 2
    x, y = np.meshgrid(grid, grid)
    z = np.where((x > west) & (x < east) & (y > south) & (y < north), height, 0.0)
    return np.stack([x, y, z], axis=2).reshape(-1, 3).astype(np.float32)


def test_from_above_depth_is_height_and_north_is_up():
    views = scene_views(box(5, 15, 5, 15, 8.0), 3, 40, (1.0,))
    above = views[0, -1]
    half = 19.75  # the outermost points
    high = above > 0.6
    row, col = np.nonzero(high)
    assert (col.mean() + 0.5) / 40 * 2 * half - half == pytest.approx(10.0, abs=1.0)
    assert half - (row.mean() + 0.5) / 40 * 2 * half == pytest.approx(10.0, abs=1.0)
    assert above[high] == pytest.approx((8.0 / half + 1) / 2, abs=1e-5)
    ground = (above > 0) & ~high
    assert above[ground] == pytest.approx(0.5, abs=1e-5)


def test_a_post_is_nearest_from_its_own_side_and_on_the_right_hand():
    """The first view stands in the north and looks south, the second in the south."""
    post = np.array([(12.0, -12.0, z) for z in np.arange(0, 14, 0.25)])
    cloud = np.concatenate([box(0, 0, 0, 0, 0.0), post]).astype(np.float32)
    from_north, from_south = scene_views(cloud, 3, 48, (1.0,))[0, :2]
    assert from_south.max() > from_north.max() + 0.05
    row, col = np.unravel_index(from_south.argmax(), from_south.shape)
    assert col > 30  # east is on the right from the south
    assert row < 24 + 12
    plain = scene_views(box(0, 0, 0, 0, 0.0), 3, 48, (1.0,))[0, 0]
    _, moved = np.nonzero(np.abs(from_north - plain) > 0.1)
    assert moved.max() < 18  # and on the left from the north


def test_turning_the_cloud_turns_the_views():
    cloud = box(4, 9, -3, 12, 6.0)
    turned = cloud.copy()
    turned[:, 0], turned[:, 1] = cloud[:, 1], -cloud[:, 0]  # a quarter clockwise
    plain, after = (scene_views(points, 5, 32, (1.0,))[0] for points in (cloud, turned))
    # Views stand every 90 degrees: what the first saw, the next sees now.
    assert np.mean(np.abs(after[1] - plain[0]) > 0.05) < 0.05
    assert np.mean(np.abs(after[3] - plain[2]) > 0.05) < 0.05
    assert np.mean(np.abs(after[1] - plain[1]) > 0.05) > 0.1


def test_sizes_do_not_matter_and_scales_come_closer():
    cloud = box(5, 15, 5, 15, 8.0)
    small, large = scene_views(cloud, 4, 24), scene_views(cloud * 37.0, 4, 24)
    assert small.shape == (len(SCALES), 4, 24, 24)
    assert large == pytest.approx(small, abs=1e-4)
    assert small.min() == 0.0
    assert small.max() <= 1.0
    shown = [(view[-1] > 0.55).mean() for view in small]
    assert shown[0] < shown[1]
