"""The benchmark simcity-v1: its cities, its parts, and that its pixels stay what they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cvgl_core.data import simcity
from cvgl_core.data.citypack import CitySpec, render_pack
from cvgl_core.data.simcity import PARTS, render_packs, simcity_specs
from cvgl_core.types import GroundSpec, ModelCard

CARD = ModelCard(
    name="any",
    parameters=0,
    tile_size_m=72.0,
    aerial_px=128,
    ground=GroundSpec(48, 256, elevation_top_deg=37.5, elevation_bottom_deg=-30.0),
    mean_rgb=(0.5, 0.5, 0.5),
    std_rgb=(0.5, 0.5, 0.5),
    descriptor_dim=256,
    ground_columns=16,
)
TINY = CitySpec(80001, 3, 144.0, 0.5, 0.5625, GroundSpec(12, 64, 37.5, -30.0))

FINGERPRINTS = {
    "plain": (
        (-64.70, -115.92, -34.77, -13.68, 82.14, -7.51),
        (-117.22, -139.59, -131.82, -32.84, -141.69, -48.69),
    ),
    "foreign": (
        (-125.59, -177.61, 37.97, 61.96, 75.80, -143.00),
        (-83.07, -171.37, -134.47, 13.52, -97.24, -25.52),
    ),
}


def test_the_seeds_are_those_that_are_published():
    seeds = {part: [spec.seed for spec in simcity_specs(CARD, part)] for part in PARTS}
    assert seeds == {
        "train": list(range(1, 25)),
        "validation": [9001],
        "elsewhere": [9002],
        "test": [80001, 80002, 80003, 80004],
        "same": list(range(1, 25)),
        "foreign": [81001, 81002],
    }


def test_names_of_packs_stay_what_they_are():
    """A name that changes would have every pack on every disk rendered again."""
    assert simcity_specs(CARD, "train")[0].name == "city-1-e2d1309172"
    assert simcity_specs(CARD, "validation")[0].name == "city-9001-31933f0cb7"


def test_no_two_packs_share_a_folder():
    names = [spec.name for part in PARTS for spec in simcity_specs(CARD, part)]
    assert len(set(names)) == len(names) == 56


def test_test_cities_make_a_gallery_of_thousands():
    side_px = int(simcity_specs(CARD, "test")[0].size_m / CARD.gsd_m_per_px)
    tiles = ((side_px - CARD.aerial_px) // (CARD.aerial_px // 2) + 1) ** 2
    assert 4 * tiles >= 4000


def fingerprint(pixels):
    """Six random projections: the root mean square of a change shows in each of them."""
    weights = np.random.default_rng(1).standard_normal((6, pixels.size))
    return weights @ pixels.astype(np.float64).ravel() / np.sqrt(pixels.size)


@pytest.mark.parametrize("look", FINGERPRINTS)
def test_pixels_stay_what_they_are(tmp_path, look):
    """A change here changes every published figure: give the benchmark a new version."""
    pack = render_pack(replace(TINY, look=look), tmp_path)
    found = np.stack([fingerprint(pack.aerial), fingerprint(pack.ground)])
    assert found == pytest.approx(np.array(FINGERPRINTS[look]), abs=0.3)


def test_fingerprints_notice_a_small_change(tmp_path):
    pack = render_pack(TINY, tmp_path)
    changed = pack.aerial + np.random.default_rng(2).integers(-3, 4, pack.aerial.shape)
    assert np.abs(fingerprint(changed) - FINGERPRINTS["plain"][0]).max() > 0.9


def test_same_area_is_the_same_city_seen_from_elsewhere(tmp_path):
    first = render_pack(TINY, tmp_path)
    again = render_pack(replace(TINY, camera_seed=7), tmp_path)
    assert np.array_equal(first.aerial, again.aerial)
    assert np.abs(first.xy_m - again.xy_m).min(axis=0).max() > 0.5


def test_rendering_goes_on_where_it_stopped(tmp_path, monkeypatch):
    specs = [TINY, replace(TINY, seed=80002)]
    render_pack(specs[0], tmp_path)
    steps = []
    monkeypatch.setattr(simcity, "ProcessPoolExecutor", _InProcess)
    assert render_packs(specs, tmp_path, 2, lambda *step: steps.append(step)) == 1
    assert steps == [("cities", 1, 2), ("cities", 2, 2)]
    assert render_packs(specs, tmp_path) == 0


class _InProcess:
    """Stands in for the pool of processes."""

    def __init__(self, processes, mp_context):
        assert processes == 1
        assert mp_context.get_start_method() == "spawn"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def submit(self, function, *arguments):
        from concurrent.futures import Future

        future = Future()
        future.set_result(function(*arguments))
        return future
