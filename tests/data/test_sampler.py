"""Batches and their masks, against a plain reading of the definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cvgl_core.data.sampler import BatchSampler, BatchSettings
from cvgl_core.errors import SettingsError

TILE_PX = 96


@pytest.fixture
def plan(packs):
    settings = BatchSettings(24, TILE_PX, 20, 0.5, 4, 1.0, 30.0)
    return BatchSampler(settings, np.random.default_rng(3)).draw(packs)


def test_no_camera_twice_and_every_city(plan):
    members = set(zip(plan.city.tolist(), plan.camera.tolist(), strict=True))
    assert len(members) == 24
    assert set(plan.city.tolist()) == {0, 1}


def test_targets_lie_within_the_offset(plan):
    assert np.abs(plan.target_px - TILE_PX / 2).max() <= 20.5


def test_masks_say_which_tiles_see_which_cameras(plan, packs):
    for i in range(24):
        for j in range(24):
            camera = packs[plan.city[i]].xy_m[plan.camera[i]] / packs[0].gsd_m_per_px
            inside = camera - plan.origin_px[j]
            same_city = plan.city[i] == plan.city[j] and i != j
            sees = bool(same_city and (inside > 0).all() and (inside < TILE_PX).all())
            quarter = bool(
                same_city and (inside > TILE_PX / 4).all() and (inside < 3 * TILE_PX / 4).all()
            )
            assert plan.covers[i, j] == sees
            assert plan.same_place[i, j] == quarter


def test_distances_to_the_centres_of_tiles(plan, packs):
    for i in range(24):
        for j in range(24):
            camera_m = packs[plan.city[i]].xy_m[plan.camera[i]]
            centre_m = (plan.origin_px[j] + TILE_PX / 2) * packs[0].gsd_m_per_px
            apart_m = np.hypot(*(camera_m - centre_m))
            same_city = plan.city[i] == plan.city[j]
            assert plan.apart_m[i, j] == (pytest.approx(apart_m) if same_city else np.inf)


def test_tiles_of_several_sides(packs):
    settings = BatchSettings(24, TILE_PX, 16, 0.0, tile_scales=(0.5, 1.0, 2.0))
    plan = BatchSampler(settings, np.random.default_rng(3)).draw(packs)
    assert set(plan.span_px.tolist()) == {TILE_PX // 2, TILE_PX, 2 * TILE_PX}
    uv_px = np.stack(
        [
            packs[c].xy_m[k] / packs[c].gsd_m_per_px
            for c, k in zip(plan.city, plan.camera, strict=True)
        ]
    )
    inside_px = plan.target_px * (plan.span_px / TILE_PX)[:, None]
    assert inside_px + plan.origin_px == pytest.approx(uv_px, abs=1e-3)
    # The offset grows with the side, so the camera's place in the tile is drawn alike.
    assert np.abs(plan.target_px - TILE_PX / 2).max() <= 16 + 1
    for j, (origin, span) in enumerate(zip(plan.origin_px, plan.span_px, strict=True)):
        sees = ((uv_px > origin) & (uv_px < origin + span)).all(axis=1)
        same_city = plan.city == plan.city[j]
        same_city[j] = False
        assert plan.covers[:, j].tolist() == (sees & same_city).tolist()
    for city, origin, span in zip(plan.city, plan.origin_px, plan.span_px, strict=True):
        assert (origin >= 0).all()
        assert (origin + span <= packs[city].aerial.shape[0]).all()


def test_batches_of_areas(packs):
    """All cameras of a batch lie around the areas' centres, unless an area is too small."""
    settings = BatchSettings(8, TILE_PX, 20, 0.0, areas=1, area_radius_m=12.0)
    sampler = BatchSampler(settings, np.random.default_rng(3))
    for _ in range(5):
        plan = sampler.draw(packs)
        assert len(set(zip(plan.city, plan.camera, strict=True))) == 8
        (city,) = set(plan.city)
        xy_m = packs[city].xy_m[plan.camera]
        assert np.hypot(*(xy_m[:, None] - xy_m[None]).T).max() <= 24.0
    small = BatchSettings(8, TILE_PX, 20, 0.0, areas=1, area_radius_m=0.001)
    plan = BatchSampler(small, np.random.default_rng(3)).draw(packs)
    assert len(set(zip(plan.city, plan.camera, strict=True))) == 8


def test_too_few_cameras_for_a_batch_are_an_error(packs):
    cameras = sum(len(pack.xy_m) for pack in packs)
    plan = BatchSampler(BatchSettings(cameras, TILE_PX, 20), np.random.default_rng(0)).draw(packs)
    assert len(plan.city) == cameras
    sampler = BatchSampler(BatchSettings(cameras + 1, TILE_PX, 20), np.random.default_rng(0))
    with pytest.raises(SettingsError, match=rf"batch\.size: {cameras + 1} .* only {cameras} cam"):
        sampler.draw(packs)


def test_a_city_without_usable_cameras_is_passed_over(packs):
    edge = replace(packs[0], name="edge", xy_m=np.ones_like(packs[0].xy_m))
    plan = BatchSampler(BatchSettings(8, TILE_PX, 20), np.random.default_rng(0)).draw(
        [edge, *packs]
    )
    assert set(plan.city) <= {1, 2}


def test_same_seed_same_batch(packs):
    settings = BatchSettings(8, TILE_PX, 20)
    first, second = (BatchSampler(settings, np.random.default_rng(5)).draw(packs) for _ in range(2))
    assert np.array_equal(first.origin_px, second.origin_px)
