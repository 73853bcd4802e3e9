"""Joined convolutions against torch's own circular padding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from cvgl_core.errors import SettingsError
from cvgl_core.models.depthwise import DepthwiseConv2d, with_fast_gradients
from cvgl_core.models.joined import join_ends


def by_torch(conv: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
    high, wide = conv.kernel_size[0] // 2, conv.kernel_size[1] // 2
    ring = functional.pad(x, (wide, wide, 0, 0), mode="circular")
    return functional.conv2d(
        ring, conv.weight, conv.bias, conv.stride, (high, 0), groups=conv.groups
    )


@given(
    st.sampled_from([3, 5, 7]),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 4]),
    st.integers(5, 12),
    st.integers(3, 8),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_values_and_gradients_are_those_of_circular_padding(
    kernel, stride, groups, height, half, fast
):
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 4, kernel, stride, kernel // 2, groups=groups).double()
    block = nn.Sequential(plain)
    if fast:
        with_fast_gradients(block)
        assert (type(block[0]) is DepthwiseConv2d) == (groups == 4 and kernel < 7)
    join_ends(block)
    x = torch.randn(2, 4, height, 2 * half, dtype=torch.float64, requires_grad=True)
    expected, found = by_torch(plain, x), block(x)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, *plain.parameters()], grad)
    given_ = torch.autograd.grad(found, [x, *block.parameters()], grad)
    for one, other in zip(given_, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_only_widths_are_joined_and_names_stay():
    block = nn.Sequential(nn.Conv2d(2, 2, (3, 1), padding=(1, 0)), nn.Conv2d(2, 2, 4, 4))
    names = set(block.state_dict())
    x = torch.randn(1, 2, 8, 8)
    expected = block(x)
    join_ends(block)
    assert torch.equal(block(x), expected)
    assert set(block.state_dict()) == names


@pytest.mark.parametrize("how", [{"padding": "same"}, {"padding": 1, "padding_mode": "reflect"}])
def test_other_padding_is_refused(how):
    with pytest.raises(SettingsError, match="zero padding"):
        join_ends(nn.Sequential(nn.Conv2d(2, 2, 3, **how)))
