"""Batches and their masks, against a plain reading of the definitions."""

from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.data.sampler import BatchSampler, BatchSettings

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


def test_same_seed_same_batch(packs):
    settings = BatchSettings(8, TILE_PX, 20)
    first, second = (BatchSampler(settings, np.random.default_rng(5)).draw(packs) for _ in range(2))
    assert np.array_equal(first.origin_px, second.origin_px)
