"""Pixels on a lattice, against means worked out one by one."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from cvgl_core.types import LonLat
from tiling.raster.buffers import Buffers
from tiling.raster.info import RasterInfo
from tiling.raster.placement import Nodes, Placement
from tiling.raster.resample import Pixels, shrink, warp


def straight(
    height: int, width: int, scale: float, top: float, left: float, step: int = 32
) -> Nodes:
    """Nodes of a lattice north up, each pixel of which is ``scale`` pixels of the raster."""
    row = (np.arange(-(-height // step) + 2) - 0.5) * step * scale + top
    col = (np.arange(-(-width // step) + 2) - 0.5) * step * scale + left
    v, u = np.meshgrid(row, col, indexing="ij")
    return Nodes((0, 0, height, width), step, u, v)


def bilinear(picture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Values at places, one by one."""
    x, y = u - 0.5, v - 0.5
    i, j = np.floor(y).astype(int), np.floor(x).astype(int)
    fy, fx = (y - i)[..., None], (x - j)[..., None]
    top = picture[i, j] * (1 - fx) + picture[i, j + 1] * fx
    return top * (1 - fy) + (picture[i + 1, j] * (1 - fx) + picture[i + 1, j + 1] * fx) * fy


@settings(max_examples=25, deadline=None)
@given(
    scale=st.floats(0.4, 2.0),
    top=st.floats(2.0, 9.0),
    left=st.floats(2.0, 9.0),
    seed=st.integers(0, 99),
)
def test_a_pixel_is_the_mean_of_samples_of_what_it_covers(scale, top, left, seed) -> None:
    picture = np.random.default_rng(seed).integers(0, 255, (160, 170, 3)).astype(np.uint8)
    nodes = straight(60, 70, scale, top, left)
    finer = nodes.covered_px()
    assert finer == (1 if scale <= 1.05 else 2)
    sub = (np.arange(60 * finer) + 0.5) / finer, (np.arange(70 * finer) + 0.5) / finer
    v, u = np.meshgrid(sub[0] * scale + top, sub[1] * scale + left, indexing="ij")
    samples = bilinear(picture.astype(float), u, v)
    wanted = samples.reshape(60, finer, 70, finer, 3).mean(axis=(1, 3))
    found = warp(Pixels(picture), nodes, finer)
    assert found.shown is None
    # coordinates go in steps of a 32nd of a pixel
    assert np.abs(found.rgb - wanted).max() < 2 * 255 / 32 and np.abs(found.rgb - wanted).mean() < 2


def test_what_is_not_shown_has_no_say_in_the_colours() -> None:
    rgb = np.full((90, 90, 3), 200, np.uint8)
    shown = np.full((90, 90), 255, np.uint8)
    rgb[:, 40:], shown[:, 40:] = 0, 0
    for pixels in (
        shrink(Pixels(rgb, shown), 36, 36),
        warp(Pixels(rgb, shown), straight(36, 36, 2.5, 0.0, 0.0), 3),
        warp(Pixels(rgb, shown), straight(80, 80, 1.0, 3.3, 0.7), 1),
    ):
        assert pixels.shown is not None and set(np.unique(pixels.shown)) == {0, 255}
        assert (pixels.rgb[pixels.shown == 0] == 0).all()
        assert np.abs(pixels.rgb[pixels.shown > 0].astype(int) - 200).max() <= 1


@pytest.mark.parametrize("edge", [0.0, 0.25, 0.4999, 0.5, 0.5001, 0.9])
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.6])
def test_sheets_that_meet_leave_no_gap(edge: float, scale: float) -> None:
    """Two rasters meet at column 20 + edge of the lattice: every pixel is in one of them."""
    one = Pixels(np.full((100, 100, 3), 90, np.uint8), np.full((100, 100), 255, np.uint8))
    meets = (20.0 + edge) * scale
    left = warp(one, straight(32, 40, scale, 5.0, 100.0 - meets), 2 if scale > 1.05 else 1)
    right = warp(one, straight(32, 40, scale, 5.0, -meets), 2 if scale > 1.05 else 1)
    assert left.shown is not None and right.shown is not None
    assert ((left.shown > 0) | (right.shown > 0))[:20].all()


def test_shrinking_by_a_share_of_a_pixel_weighs_by_area() -> None:
    picture = np.random.default_rng(1).integers(0, 255, (45, 45, 3)).astype(np.uint8)
    wide = picture.repeat(4, axis=0).repeat(4, axis=1).astype(float)  # 2.25 = 9 quarters
    wanted = wide.reshape(20, 9, 20, 9, 3).mean(axis=(1, 3))
    assert np.abs(shrink(Pixels(picture), 20, 20).rgb - wanted).max() <= 1.0


@settings(max_examples=20, deadline=None)
@given(lon=st.floats(-175.0, 175.0), lat=st.floats(-80.0, 80.0), zone=st.integers(-1, 1))
def test_lines_between_nodes_are_true(lon: float, lat: float, zone: int) -> None:
    """Against the projection asked at every pixel."""
    number = (int((lon + 180) // 6) + zone) % 60 + 1
    crs = f"EPSG:{(32600 if lat >= 0 else 32700) + int((lon + 180) // 6) + 1}"
    source = f"EPSG:{(32600 if lat >= 0 else 32700) + number}"
    x, y = Transformer.from_crs("EPSG:4326", source, always_xy=True).transform(lon, lat)
    transform = (0.25, 0.0, x, 0.0, -0.25, y)
    raster = RasterInfo(
        Path("a.tif"), "GTiff", source, transform, 4000, 4000, 0.25, LonLat(lon, lat), "uint8",
        (1, 2, 3), False, False, None, (), (), (Path("a.tif"),),
    )  # fmt: skip
    gx, gy = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    window = int(-gy / 0.5), int(gx / 0.5), 300, 280
    nodes = Placement(raster, crs, 0.5).nodes(window)
    rows, cols = np.meshgrid(np.arange(300) + 0.5, np.arange(280) + 0.5, indexing="ij")
    sx, sy = Transformer.from_crs(crs, source, always_xy=True).transform(
        (cols + window[1]) * 0.5, -(rows + window[0]) * 0.5
    )
    i, j = rows / nodes.step + 0.5, cols / nodes.step + 0.5
    for values, wanted in ((nodes.u, (sx - x) / 0.25), (nodes.v, (y - sy) / 0.25)):
        found = bilinear(values[..., None], j + 0.5, i + 0.5)[..., 0]
        assert np.abs(found - wanted).max() < 0.05


def test_memory_is_lent_again_only_when_nothing_refers_to_it() -> None:
    buffers = Buffers()
    first = buffers.lend((40, 30, 3))
    first[:] = 7
    part = first[5:9, 2:4][1:]
    place = first.ctypes.data
    del first
    other = buffers.lend((40, 30, 3))
    other[:] = 9
    assert other.ctypes.data != place and (part == 7).all()
    del part
    assert buffers.lend((40, 30, 3)).ctypes.data == place
