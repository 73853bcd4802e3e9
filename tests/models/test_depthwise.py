import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from cvgl_core.models.depthwise import DepthwiseConv2d, with_fast_gradients


@given(
    st.sampled_from([3, 5]),
    st.sampled_from([1, 2]),
    st.integers(5, 12),
    st.integers(5, 12),
    st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_values_and_gradients_are_those_of_a_plain_convolution(kernel, stride, height, width, bias):
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 4, kernel, stride, kernel // 2, groups=4, bias=bias).double()
    block = nn.Sequential(plain)
    with_fast_gradients(block)
    fast = block[0]
    assert type(fast) is DepthwiseConv2d
    x = torch.randn(2, 4, height, width, dtype=torch.float64, requires_grad=True)
    expected, found = plain(x), fast(x)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, *plain.parameters()], grad)
    given_ = torch.autograd.grad(found, [x, *fast.parameters()], grad)
    for one, other in zip(given_, wanted, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("kernel", [3, 5])
def test_under_bf16_autocast_the_gradients_stay_close(kernel):
    torch.manual_seed(1)
    block = nn.Sequential(nn.Conv2d(16, 16, kernel, 2, kernel // 2, groups=16, bias=False))
    x = torch.randn(4, 16, 12, 12)
    wanted = torch.autograd.grad(block(x).square().sum(), block.parameters())[0]
    with_fast_gradients(block)
    with torch.autocast("cpu", torch.bfloat16):
        y = block(x)
    assert y.dtype == torch.bfloat16
    found = torch.autograd.grad(y.float().square().sum(), block.parameters())[0]
    assert (found - wanted).abs().max() < 0.02 * wanted.abs().max()


def test_what_does_not_fit_is_left_alone():
    block = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4),
        nn.Conv2d(4, 4, 7, padding=3, groups=4),
    )
    with_fast_gradients(block)
    assert all(type(conv) is nn.Conv2d for conv in block)
