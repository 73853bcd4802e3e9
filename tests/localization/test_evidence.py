"""Pictures of a report: the base map must lie where it says."""

from types import SimpleNamespace

import numpy as np
import pytest

from cvgl_core.localization.evidence import base_map, strip
from cvgl_core.photo import to_ground_view
from cvgl_core.types import Bounds, GroundSpec, Projection

GSD_M = 0.5


class Checker:
    """Imagery whose red and green are the lattice column and row of a pixel, modulo 256."""

    grid = SimpleNamespace(crs="EPSG:32633", tile_size_m=72.0)

    def snapped(self, bounds):
        left, right = np.floor(bounds.left_m / GSD_M), np.ceil(bounds.right_m / GSD_M)
        top, bottom = np.ceil(bounds.top_m / GSD_M), np.floor(bounds.bottom_m / GSD_M)
        return Bounds(left * GSD_M, bottom * GSD_M, right * GSD_M, top * GSD_M)

    def mosaic(self, bounds, step=1):
        cols = np.arange(round(bounds.left_m / GSD_M), round(bounds.right_m / GSD_M), step)
        rows = np.arange(round(-bounds.top_m / GSD_M), round(-bounds.bottom_m / GSD_M), step)
        rgb = np.zeros((len(rows), len(cols), 3), np.uint8)
        rgb[..., 0], rgb[..., 1] = cols[None] % 256, rows[:, None] % 256
        return rgb, np.ones(rgb.shape[:2], bool)


@pytest.mark.parametrize("size_m", [90.3, 795.2, 2400.7, 6000.0])
def test_the_map_lies_where_it_says(size_m):
    asked = Bounds(1000.2, 5000.1 - size_m, 1000.2 + size_m, 5000.1)
    made = base_map(Checker(), GSD_M, asked, "a map")
    height, width = made.rgb.shape[:2]
    assert max(height, width) <= 1600
    assert made.title == "a map"
    # It covers what was asked, and reaches no more than a pixel of its own beyond.
    bounds = made.bounds
    pixel_m = (bounds.right_m - bounds.left_m) / width
    assert pixel_m == pytest.approx((bounds.top_m - bounds.bottom_m) / height)
    assert bounds.left_m <= asked.left_m < bounds.left_m + pixel_m
    assert bounds.right_m - pixel_m <= asked.right_m + GSD_M
    assert bounds.bottom_m <= asked.bottom_m + 1e-9
    # A pixel in the middle shows the ground that the bounds give it.
    row, col = height // 2, width // 3
    x_m = bounds.left_m + col * pixel_m
    y_m = bounds.top_m - row * pixel_m
    assert made.rgb[row, col, 0] == round(x_m / GSD_M) % 256
    assert made.rgb[row, col, 1] == round(-y_m / GSD_M) % 256


@pytest.mark.parametrize(("given_deg", "finer"), [(90.0, True), (60.0, False), (None, False)])
def test_the_strip_is_drawn_again_only_if_it_is_the_same_view(make_photo, given_deg, finer):
    photo = make_photo(heading_deg=100.0, projection=Projection.PERSPECTIVE)
    spec = GroundSpec(12, 64, 37.5, -30.0)
    view = to_ground_view(photo, spec, fov_deg=90.0)
    drawn = strip(photo, view, spec, given_deg)
    assert drawn.rgb.shape == (12 * 32, 64 * 32, 3) and drawn.visible.shape == (64 * 32,)
    # A quarter of the circle around the axis, which lies in the middle now.
    assert drawn.visible[1024 - 240 : 1024 + 240].all()
    assert not drawn.visible[: 1024 - 320].any() and not drawn.visible[1024 + 320 :].any()
    blocks = drawn.rgb.reshape(12, 32, 64, 32, 3)
    assert (blocks == blocks[:, :1, :, :1]).all() != finer
