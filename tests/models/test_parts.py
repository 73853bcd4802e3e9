import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.models.aggregator import FeatureAggregator, GeM
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
