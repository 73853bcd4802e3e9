"""Cities small enough to draw by hand: one red beacon seen from every camera."""

from __future__ import annotations

import numpy as np
import pytest

from cvgl_core.data.citypack import CityPack

GSD_M = 0.5
BEACON_PX = np.array([300.0, 180.0])


def beacon_pack(name: str, cameras: int = 60, seed: int = 0) -> CityPack:
    """A city with one beacon; each panorama shows it in the column of its azimuth."""
    rng = np.random.default_rng(seed)
    aerial = np.full((512, 512, 3), 40, np.uint8)
    u, v = BEACON_PX.astype(int)
    aerial[v - 1 : v + 1, u - 1 : u + 1] = (255, 0, 0)
    uv_px = BEACON_PX + rng.uniform(-20, 20, (cameras, 2))
    ground = np.full((cameras, 8, 64, 3), 40, np.uint8)
    for index, (du, dv) in enumerate(BEACON_PX - uv_px):
        azimuth = np.arctan2(du, -dv)
        ground[index, :, int((azimuth / (2 * np.pi) + 0.5) * 64) % 64] = (255, 0, 0)
    return CityPack(name, aerial, ground, (uv_px * GSD_M).astype(np.float32), GSD_M)


@pytest.fixture
def packs() -> list[CityPack]:
    return [beacon_pack("one", seed=1), beacon_pack("two", seed=2)]
