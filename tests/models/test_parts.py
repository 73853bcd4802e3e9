import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.models.aggregator import (
    AzimuthPool,
    FeatureAggregator,
    GeM,
    MeanAggregator,
    column_azimuths,
    position_azimuths,
)
from cvgl_core.models.decoder import all_cosines, pairwise_cosines
from cvgl_core.models.features import GroundFeatures, roll_columns
from cvgl_core.models.layers import LayerNorm2d
from cvgl_core.models.projector import GroundProjectors


@pytest.mark.parametrize("separable", [True, False])
@pytest.mark.parametrize("shift", [1, 5, -3])
def test_descriptors_turn_with_the_columns(separable, shift):
    projectors = GroundProjectors(6, (16, 8, 4, 2), rows=3, separable=separable)
    x = torch.randn(2, 6, 3, 16)
    for width, plain, turned in zip(
        (16, 8, 4, 2), projectors(x), projectors(torch.roll(x, shift, dims=3)), strict=True
    ):
        torch.testing.assert_close(turned, torch.roll(plain, shift * width, dims=1))
        torch.testing.assert_close(turned, roll_columns(plain, shift, 16))


@given(st.integers(1, 6), st.integers(1, 24), st.integers(-60, 60))
@settings(max_examples=40, deadline=None)
def test_roll_columns_equals_reshaping(width, count, shift):
    x = torch.arange(2.0 * width * count).reshape(2, -1)
    expected = x.reshape(2, count, width)[:, [(c - shift) % count for c in range(count)]]
    assert torch.equal(roll_columns(x, shift, count), expected.flatten(1))
    each = torch.tensor([shift, shift])
    assert torch.equal(roll_columns(x, each, count), expected.flatten(1))


def test_rolled_features_differ_per_view():
    columns = (torch.randn(3, 8), torch.randn(3, 4))
    features = GroundFeatures(torch.randn(3, 2), columns, 4).rolled(torch.tensor([0, 1, -1]))
    assert torch.equal(features.columns[0][0], columns[0][0])
    assert torch.equal(features.columns[0][1], columns[0][1].roll(2))
    assert torch.equal(features.columns[1][2], columns[1][2].roll(-1))


def test_gem_between_mean_and_maximum():
    x = torch.rand(2, 9, 5) + 0.1
    torch.testing.assert_close(GeM(1.0)(x), x.mean(1))
    assert torch.allclose(GeM(60.0)(x), x.amax(1), rtol=0.05)
    expected = (x.double() ** 3).mean(1) ** (1 / 3)
    torch.testing.assert_close(GeM()(x), expected.float())


def test_aggregator_equals_the_papers_formula():
    torch.manual_seed(0)
    module = FeatureAggregator(8)
    g = torch.randn(2, 8, 3, 4)
    expected = []
    for tokens in g.flatten(2).transpose(1, 2):
        normed = F.layer_norm(tokens, (8,))
        q, k = normed @ module.query.weight.T, normed @ module.key.weight.T
        attention = torch.softmax(q @ k.T / math.sqrt(4), dim=1)
        phi = tokens + attention @ (tokens @ module.value.weight.T) @ module.restore.weight.T
        pooled = (phi.clamp(min=1e-4) ** 3).mean(0) ** (1 / 3)
        expected.append(pooled / pooled.norm())
    torch.testing.assert_close(module(g), torch.stack(expected), atol=1e-5, rtol=1e-4)


def test_aggregator_ignores_the_order_of_columns():
    module = FeatureAggregator(8)
    g = torch.randn(1, 8, 3, 16)
    torch.testing.assert_close(module(g), module(g.roll(5, dims=3)), atol=1e-6, rtol=1e-5)


def test_cosines_agree_pairwise_and_all():
    columns = F.normalize(torch.randn(3, 6), dim=1)
    maps = F.normalize(torch.randn(3, 6, 4, 5), dim=1)
    every = all_cosines(columns, maps)
    torch.testing.assert_close(every, torch.einsum("gc,tchw->gthw", columns, maps))
    torch.testing.assert_close(
        pairwise_cosines(columns, maps), torch.stack([every[i, i] for i in range(3)])
    )


def test_layer_norm_2d_normalises_channels():
    x = torch.randn(2, 7, 3, 4) * 5 + 2
    y = LayerNorm2d(7)(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 3, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(2, 3, 4), atol=1e-4, rtol=0)


def test_azimuth_part_of_a_view_turns_with_it():
    pool = AzimuthPool(6, 3, column_azimuths(8), 8, rows=2)
    view = torch.randn(2, 6, 2, 8)
    turned = pool(view.roll(3, dims=3))
    torch.testing.assert_close(turned, roll_columns(pool(view), 3, 8))


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_azimuth_part_of_a_tile_turns_with_it(quarters):
    pool = AzimuthPool(6, 3, position_azimuths(4), 8)
    tile = torch.randn(2, 6, 4, 4)
    turned = pool(torch.rot90(tile, quarters, dims=(2, 3)))
    # Counter-clockwise: what was in the east is now in the north, a quarter circle to the left.
    torch.testing.assert_close(turned, roll_columns(pool(tile), -2 * quarters, 8))


def test_azimuth_part_looks_where_it_says():
    side = 4
    tile = torch.zeros(1, 1, side, side)
    tile[0, 0, :, -1] = 1.0  # the east
    pool = AzimuthPool(1, 1, position_azimuths(side), 8)
    torch.nn.init.ones_(pool.reduce.weight)
    torch.nn.init.zeros_(pool.reduce.bias)
    sectors = pool(tile)[0]
    middles_deg = (torch.arange(8) + 0.5) * 45 - 180
    assert set(middles_deg[sectors.topk(2).indices].tolist()) == {67.5, 112.5}


def test_mean_aggregator_is_the_mean():
    x = torch.randn(2, 5, 3, 4)
    torch.testing.assert_close(MeanAggregator()(x), F.normalize(x.flatten(2).mean(dim=2), dim=1))
