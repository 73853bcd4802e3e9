"""A small simulated city as training material: whole or absent, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.data import citypack
from cvgl_core.data.citypack import CitySpec, open_pack, render_pack
from cvgl_core.types import GroundSpec

SPEC = CitySpec(5, 6, 216.0, 0.25, 0.5625, GroundSpec(24, 128, 37.5, -30.0))


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    return render_pack(SPEC, tmp_path_factory.mktemp("cache"))


def test_shapes_and_frames(pack):
    assert pack.aerial.shape == (384, 384, 3)
    assert pack.ground.shape == (6, 24, 128, 3)
    assert pack.xy_m.shape == (6, 2)
    assert (pack.xy_m >= 0).all() and (pack.xy_m <= 216).all()
    assert pack.ground.std() > 10 and pack.aerial.std() > 10


def test_sky_is_above_and_street_below(pack):
    top, bottom = (pack.ground[:, rows].astype(float).mean(axis=(0, 1)) for rows in (0, -1))
    assert top[2] - top[0] > bottom[2] - bottom[0]


def test_same_seed_same_bytes(pack, tmp_path):
    again = render_pack(SPEC, tmp_path)
    assert np.array_equal(again.aerial, pack.aerial)
    assert np.array_equal(again.ground, pack.ground)


def test_rendered_once(pack, tmp_path, monkeypatch):
    render_pack(SPEC, tmp_path)

    def fail(*_args, **_kwargs):
        raise AssertionError("rendered again")

    monkeypatch.setattr(citypack, "generate_city", fail)
    assert render_pack(SPEC, tmp_path).name == SPEC.name


def test_interrupted_rendering_leaves_no_pack(tmp_path, monkeypatch):
    def stop(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(citypack.np, "save", stop)
    with pytest.raises(KeyboardInterrupt):
        citypack._write(tmp_path / SPEC.name, *(np.zeros((1, 1, 1, 3), np.uint8),) * 3)
    assert open_pack(SPEC, tmp_path) is None


def test_other_settings_other_name():
    from dataclasses import replace

    names = {
        SPEC.name,
        replace(SPEC, seed=6).name,
        replace(SPEC, views=7).name,
        replace(SPEC, ground=GroundSpec(24, 128, 45.0, -45.0)).name,
    }
    assert len(names) == 4
