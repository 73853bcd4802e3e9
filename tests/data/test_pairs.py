"""Every geometric change must move tile, panorama and target together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cvgl_core.data.narrow import narrow_twins
from cvgl_core.data.pairs import (
    Augmentation,
    PairBatch,
    augment,
    gather,
    mirror,
    normalise,
    turn,
)
from cvgl_core.data.sampler import BatchSampler, BatchSettings
from cvgl_core.types import GroundSpec

TILE_PX = 96
NOTHING = {
    "coarse_probability": 0.0,
    "haze_probability": 0.0,
    "jpeg_probability": 0.0,
    "tilt_deg": 0.0,
}


def torch_rng(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def batch(packs) -> PairBatch:
    sampler = BatchSampler(BatchSettings(16, TILE_PX, 20), np.random.default_rng(0))
    return gather(packs, sampler.draw(packs), TILE_PX)


def beacon_azimuths(batch: PairBatch) -> tuple[np.ndarray, np.ndarray]:
    """Azimuth of the beacon as the tile and target say, and as the panorama says (turns)."""
    red = batch.aerial[:, 0] - batch.aerial[:, 1]
    weight = red.clamp(min=0).double()
    size = batch.aerial.shape[-1]
    centre = torch.arange(size).double() + 0.5
    total = weight.sum(dim=(1, 2))
    u = (weight.sum(dim=1) * centre).sum(dim=1) / total - batch.target_px[:, 0]
    v = (weight.sum(dim=2) * centre).sum(dim=1) / total - batch.target_px[:, 1]
    from_tile = torch.atan2(u, -v) / (2 * torch.pi)
    column = (batch.ground[:, 0, 0] - batch.ground[:, 1, 0]).argmax(dim=1)
    from_panorama = (column + 0.5) / batch.ground.shape[-1] - 0.5
    return from_tile.numpy(), from_panorama.numpy()


def assert_agree(batch: PairBatch) -> None:
    tile, panorama = beacon_azimuths(batch)
    gap = np.abs((tile - panorama + 0.5) % 1 - 0.5)
    assert gap.max() <= 1.01 / batch.ground.shape[-1]


def test_gathered_pairs_agree(batch):
    assert_agree(batch)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3, 4, 5])
def test_turning_moves_everything(batch, quarters):
    turned = turn(batch, quarters)
    assert_agree(turned)
    tile, _ = beacon_azimuths(batch)
    after, _ = beacon_azimuths(turned)
    assert np.allclose((tile - after - quarters / 4 + 0.5) % 1 - 0.5, 0, atol=1e-6)


def test_mirroring_moves_everything(batch):
    assert_agree(mirror(batch))
    tile, _ = beacon_azimuths(batch)
    after, _ = beacon_azimuths(mirror(batch))
    assert np.allclose((tile + after + 0.5) % 1 - 0.5, 0, atol=1e-6)


def test_augmentation_keeps_the_truth_when_colours_stay(batch):
    how = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, 0)
    for seed in range(8):
        assert_agree(augment(batch, how, torch.Generator().manual_seed(seed)))


def test_a_tilted_camera_sees_the_horizon_rise_on_one_side_and_sink_on_the_other():
    rows = torch.linspace(0.2, 0.8, 40)[None, None, :, None].expand(1, 3, 40, 64)
    batch = PairBatch(rows, torch.rand(1, 3, 8, 8), torch.zeros(1, 2), *[torch.zeros(1, 1)] * 2)
    how = Augmentation(0, 0, 0, 0, 0, 0, 0, 0, tilt_deg=6.0)
    ground = augment(batch, how, torch.Generator().manual_seed(3), 60.0).ground[0, 0]
    middle = ground[20] - rows[0, 0, 20]
    angle = torch.fft.rfft(middle)
    # One full wave around the circle and nothing else; its height is a few rows of the ramp.
    assert angle.abs().argmax() == 1
    assert angle.abs()[2:].max() < 0.02 * angle.abs()[1]
    assert 0.01 < middle.abs().max() < 0.3


def test_other_cameras_and_weather_leave_pictures_that_are_recognised():
    seen = torch.rand(12, 3, 6, 8)
    images = torch.nn.functional.interpolate(seen, (64, 64), mode="bicubic").clamp(0, 1)
    batch = PairBatch(images, images, torch.zeros(12, 2), *[torch.zeros(12, 12)] * 2)
    for name in ("coarse_probability", "haze_probability", "jpeg_probability"):
        how = Augmentation(0, 0, 0, 0, 0, **{**NOTHING, name: 1.0})
        rng = torch.Generator().manual_seed(5)
        changed = augment(batch, how, rng)
        plain = augment(batch, Augmentation(0, 0, 0, 0, 0, **NOTHING), torch_rng(5))
        assert changed.aerial.shape == images.shape
        assert changed.aerial.min() >= 0 and changed.aerial.max() <= 1.06
        gap = (changed.aerial - plain.aerial).abs().mean()
        assert 0.001 < gap < 0.3, name
        both = torch.stack([changed.aerial.flatten(), plain.aerial.flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.8, name


def test_what_is_hidden_becomes_zero(batch):
    rng = torch.Generator().manual_seed(0)
    dropped = augment(batch, Augmentation(dropout_probability=1.0), rng)
    spec = GroundSpec(*batch.ground.shape[2:], 30.0, -30.0)
    narrow, visible = narrow_twins(dropped.ground, spec, 60.0, rng, 3.0)
    limited = replace(dropped, narrow=narrow, visible=visible)
    assert visible.any() and not visible.all()
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.2, 0.2])
    ready = normalise(limited, mean, std)
    for images in (ready.ground, ready.aerial, ready.narrow):
        assert torch.isfinite(images).all()
    assert (ready.narrow.permute(0, 3, 1, 2)[~visible] == 0).all()
    seen = ready.narrow != 0
    assert torch.equal(ready.narrow[seen], ready.ground[seen])
