"""Pixels and labels of listed data sets agree: in both images, and after every turn and flip."""

from __future__ import annotations

import copy as copying
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from cvgl_core.data.datasets import DATASETS, load_pairs
from cvgl_core.data.pairs import PairBatch, mirror, turn
from cvgl_core.data.pairset import PairImages, PairSet, offsets_m
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.photo import to_ground_view
from cvgl_core.types import GroundSpec, ModelCard, Photo, PhotoMetadata, Projection
from tests.data.make_cvact import make_cvact
from tests.data.make_cvusa import make_cvusa
from tests.data.make_images import GROUND_GREY, SKY_GREY, post_azimuth_deg, post_uv, save
from tests.data.make_vigor import make_vigor

CARD = ModelCard(
    name="test",
    parameters=0,
    tile_size_m=72.0,
    aerial_px=96,
    ground=GroundSpec(48, 256, 37.5, -30.0),
    mean_rgb=(0.4, 0.5, 0.6),
    std_rgb=(0.2, 0.2, 0.2),
    descriptor_dim=8,
    ground_columns=16,
)
COLUMN_DEG = 360.0 / 256
PANORAMIC = [name for name in DATASETS if name != "da-campus"]


@pytest.fixture(scope="module")
def roots(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sets")
    make_vigor(folder / "vigor", "original", tile_px=320, panorama_px=512)
    make_cvusa(folder / "cvusa", tile_px=250, panorama_px=616)
    make_cvact(folder / "cvact", tile_px=300, panorama_px=512)
    return {name: folder / name.split("-")[0] for name in PANORAMIC}


@pytest.fixture(scope="module")
def pairs(roots) -> dict[str, PairSet]:
    return {name: load_pairs(name, roots[name], "train") for name in PANORAMIC}


def views_and_tiles(pairs: PairSet) -> tuple[np.ndarray, np.ndarray]:
    """Strips and positive tiles of every view."""
    images = PairImages(pairs, CARD)
    views = np.stack([images.view(index) for index in range(len(pairs.view_paths))])
    return views, np.stack([images.tile(int(tile)) for tile in pairs.positive])


def azimuth_gaps_deg(view: np.ndarray, tile: np.ndarray, camera_uv: np.ndarray) -> list[float]:
    """For each post seen: its azimuth by tile and label less its azimuth by the panorama."""
    gaps = []
    for colour in range(4):
        place = post_uv(tile, colour)
        edge = 0.03
        if place is None or place.min() < edge or place.max() > 1 - edge:
            continue
        east, south = place - camera_uv
        from_tile = np.degrees(np.arctan2(east, -south))
        gap = from_tile - post_azimuth_deg(view, colour)
        gaps.append(float((gap + 180.0) % 360.0 - 180.0))
    return gaps


@pytest.mark.parametrize("name", PANORAMIC)
def test_tile_label_and_panorama_agree(pairs, name):
    views, tiles = views_and_tiles(pairs[name])
    gaps = [
        gap
        for view, tile, uv in zip(views, tiles, pairs[name].camera_uv, strict=True)
        for gap in azimuth_gaps_deg(view, tile, uv)
    ]
    assert len(gaps) >= 2 * len(views)
    assert np.abs(gaps).max() < 1.5 * COLUMN_DEG


def deltas(uv_px: torch.Tensor, side_px: int) -> torch.Tensor:
    """VIGOR's (d_row, d_col) of pixels of a tile, in pixels of 640."""
    u, v = uv_px.unbind(dim=1)
    scale = 640.0 / side_px
    return torch.stack([(v - side_px / 2) * scale, (side_px / 2 - u) * scale], dim=1)


CHANGES = {
    "mirror": (mirror, lambda row, col: (row, -col)),
    "quarter": (lambda batch: turn(batch, 1), lambda row, col: (col, -row)),
    "half": (lambda batch: turn(batch, 2), lambda row, col: (-row, -col)),
    "three-quarters": (lambda batch: turn(batch, 3), lambda row, col: (-col, row)),
    "mirror-then-quarter": (lambda batch: turn(mirror(batch), 1), lambda row, col: (-col, -row)),
}


@pytest.mark.parametrize("name", PANORAMIC)
@pytest.mark.parametrize("change", CHANGES)
def test_turns_and_flips_keep_labels_true(pairs, name, change):
    views, tiles = views_and_tiles(pairs[name])
    mask = torch.zeros(len(views), len(views), dtype=torch.bool)
    target = torch.from_numpy(pairs[name].camera_uv * CARD.aerial_px)
    batch = PairBatch(
        torch.from_numpy(views).permute(0, 3, 1, 2),
        torch.from_numpy(tiles).permute(0, 3, 1, 2),
        target,
        mask,
        mask,
    )
    images, formula = CHANGES[change]
    changed = images(batch)
    before, after = deltas(target, CARD.aerial_px), deltas(changed.target_px, CARD.aerial_px)
    assert torch.allclose(after, torch.stack(formula(*before.unbind(dim=1)), dim=1))
    for view, tile, uv_px in zip(
        changed.ground.permute(0, 2, 3, 1).numpy(),
        changed.aerial.permute(0, 2, 3, 1).numpy(),
        changed.target_px.numpy(),
        strict=True,
    ):
        gaps = azimuth_gaps_deg(view, tile, uv_px / CARD.aerial_px)
        assert np.abs(gaps).max() < 1.5 * COLUMN_DEG


@pytest.mark.parametrize("name", PANORAMIC)
def test_the_horizon_lies_where_the_model_has_it(pairs, name):
    view = PairImages(pairs[name], CARD).view(0)
    middle = (SKY_GREY + GROUND_GREY) / 2
    sky = (view.mean(axis=2) > middle).mean(axis=1) > 0.5
    horizon_row = 48 * 37.5 / 67.5
    assert abs(int(sky.sum()) - horizon_row) <= 1.0


def test_what_a_panorama_does_not_show_has_the_mean_colour(pairs):
    card = replace(CARD, ground=GroundSpec(90, 256, 90.0, -90.0))
    view = PairImages(pairs["cvusa"], card).view(0)
    mean = (102, 128, 153)
    elevation_deg = 90.0 - (np.arange(90) + 0.5) * 2.0
    top_deg, bottom_deg = pairs["cvusa"].ground_elevation_deg
    unseen = (elevation_deg > top_deg + 1.1) | (elevation_deg < bottom_deg - 1.1)
    assert (view[unseen] == mean).all()
    assert not (view[~unseen][1:-1] == mean).all(axis=(1, 2)).any()


@pytest.mark.parametrize("name", ["vigor-same", "cvusa"])
def test_strips_agree_with_the_projection_of_photos(pairs, tmp_path, name):
    """Second implementation: the general projection, which samples directions one by one."""
    top_deg, bottom_deg = pairs[name].ground_elevation_deg
    height_px = round((top_deg - bottom_deg) / 360.0 * 1232)
    coarse = np.random.default_rng(0).integers(0, 255, (39, 77, 3))
    rgb = np.kron(coarse, np.ones((16, 16, 1))).astype(np.uint8)[:height_px]
    path = tmp_path / "noise.png"
    save(path, rgb)
    metadata = PhotoMetadata(
        width_px=1232,
        height_px=height_px,
        projection=Projection.EQUIRECTANGULAR,
        pano_full_width_px=1232,
        pano_full_height_px=616,
        pano_top_px=round((90.0 - top_deg) / 180.0 * 616),
    )
    photo = Photo(path, "", rgb, metadata)
    expected = to_ground_view(photo, CARD.ground, heading_deg=0.0, fill_rgb=(102, 128, 153)).rgb
    view = PairImages(replace(pairs[name], view_paths=(path,)), CARD).view(0)
    gap = np.abs(view.astype(int) - expected)
    assert gap.mean() < 3.0
    assert np.percentile(gap, 99) < 25


def test_a_tile_is_averaged_over_area(pairs, tmp_path):
    rgb = np.zeros((192, 192, 3), np.uint8)
    rgb[::2, ::2] = 200
    save(tmp_path / "tile.png", rgb)
    one = replace(pairs["cvusa"], tile_paths=(tmp_path / "tile.png",))
    assert (PairImages(one, CARD).tile(0) == 50).all()


def test_images_are_read_anew_by_every_worker(pairs):
    images = PairImages(pairs["vigor-same"], CARD)
    twin = copying.deepcopy(images)
    assert np.array_equal(images.view(1), twin.view(1))
    assert np.array_equal(images.tile(1), images.tile(1))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _garbage(path: Path) -> None:
    path.write_bytes(b"not an image")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _gone(path: Path) -> None:
    path.unlink()


def _wrong_shape(path: Path) -> None:
    save(path, np.full((60, 200, 3), 128, np.uint8))


@pytest.mark.parametrize("kind", ["tile", "view"])
@pytest.mark.parametrize(
    "damage", [_truncate, _garbage, _empty, _gone, _wrong_shape], ids=lambda f: f.__name__[1:]
)
def test_a_broken_image_names_itself_and_its_line(pairs, tmp_path, kind, damage):
    source = pairs["cvact"]
    path = tmp_path / "broken.jpg"
    save(path, np.random.default_rng(0).integers(0, 255, (64, 128, 3)).astype(np.uint8))
    damage(path)
    paths = {f"{kind}_paths": (path,), f"{kind}_listed": ("list.txt:7",)}
    with pytest.raises(DatasetError, match=r"^list\.txt:7: .*broken\.jpg"):
        getattr(PairImages(replace(source, **paths), CARD), kind)(0)


def test_offsets_agree_with_geodesics(pairs):
    source = pairs["vigor-same"]
    views, tiles = (grid.ravel() for grid in np.indices((len(source.view_paths), 20)))
    geod = Geod(a=6378137.0, f=0.0)
    lonlat = source.tile_lonlat_deg[tiles], source.view_lonlat_deg[views]
    azimuth, _, distance = geod.inv(*lonlat[0].T, *lonlat[1].T)
    expected = distance * np.array([np.sin(np.radians(azimuth)), np.cos(np.radians(azimuth))])
    offset = offsets_m(source, views, tiles)
    assert np.allclose(offset, expected.T, rtol=1e-6, atol=1e-3)
    assert np.hypot(*offset.T).max() > 3e6


def test_offsets_agree_with_labels(pairs):
    source = pairs["vigor-same"]
    from_labels = (source.camera_uv - 0.5) * [1, -1] * source.tile_side_m[source.positive, None]
    offset = offsets_m(source, np.arange(len(source.positive)), source.positive)
    assert np.abs(offset - from_labels).max() < 0.12


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(st.floats(-180, 180), st.floats(-80, 80)),
    st.tuples(st.floats(-180, 180), st.floats(-80, 80)),
)
def test_offsets_anywhere_on_earth(pairs, tile, camera):
    one = replace(
        pairs["cvact"],
        tile_lonlat_deg=np.array([tile]),
        view_lonlat_deg=np.array([camera]),
    )
    azimuth, _, distance = Geod(a=6378137.0, f=0.0).inv(*tile, *camera)
    (offset,) = offsets_m(one, np.array([0]), np.array([0]))
    assert np.hypot(*offset) == pytest.approx(distance, rel=1e-6, abs=1.0)
    if 1.0 < distance < 1.99e7:
        gap = np.degrees(np.arctan2(*offset)) - azimuth
        assert abs((gap + 180.0) % 360.0 - 180.0) < 1e-3


def test_offsets_without_known_sides_are_geodesics(pairs):
    source = pairs["vigor-same"]
    source = replace(source, tile_side_m=np.full_like(source.tile_side_m, np.nan))
    views, tiles = (grid.ravel() for grid in np.indices((len(source.view_paths), 20)))
    lonlat_deg = source.tile_lonlat_deg[tiles], source.view_lonlat_deg[views]
    _, _, distance_m = Geod(ellps="WGS84").inv(*lonlat_deg[0].T, *lonlat_deg[1].T)
    assert np.hypot(*offsets_m(source, views, tiles).T) == pytest.approx(distance_m)
    nowhere = replace(source, tile_lonlat_deg=np.full_like(source.tile_lonlat_deg, np.nan))
    assert np.isnan(offsets_m(nowhere, views, tiles)).all()


def test_offsets_without_coordinates_are_not_numbers(pairs):
    nowhere = np.full((5, 2), np.nan)
    blind = replace(pairs["cvusa"], tile_lonlat_deg=nowhere, view_lonlat_deg=nowhere)
    assert np.isnan(offsets_m(blind, np.array([0, 1]), np.array([1, 0]))).all()


def test_the_door_refuses_other_names(tmp_path):
    with pytest.raises(SettingsError, match="no data set 'vigor'; known: vigor-same"):
        load_pairs("vigor", tmp_path)
    with pytest.raises(SettingsError, match="no split 'all'; known: train, val, test"):
        load_pairs("cvusa", tmp_path, "all")
    with pytest.raises(SettingsError, match="no labels 'new'; known: corrected, original"):
        load_pairs("vigor-same", tmp_path, labels="new")
    with pytest.raises(SettingsError, match="cvusa has no original labels"):
        load_pairs("cvusa", tmp_path, labels="original")


def test_the_door_passes_the_kind_of_labels(roots):
    assert load_pairs("vigor-cross", roots["vigor-cross"], "test", "original").labels == "original"
