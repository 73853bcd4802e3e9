"""Depthwise convolutions whose gradients are computed quickly on a CPU.

oneDNN (torch 2.13) takes up to 40 times longer for two of these gradients than for the forward
pass: the input's at stride 2, and the weight's of 5 x 5 kernels. Both are written here as other
convolutions that it computes fast; the values are the same up to rounding. A training step of
``unifygeo-lite0`` takes about half the time.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_PATCH = 3
_Sides = tuple[int, int]


class DepthwiseConv2d(nn.Conv2d):
    """A square, odd, undilated depthwise ``nn.Conv2d`` with zero padding; the same parameters."""

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if input.device.type != "cpu" or not torch.is_grad_enabled():
            return cast(Tensor, super()._conv_forward(input, weight, bias))
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            input, weight = input.to(dtype), weight.to(dtype)
        stride, padding = self.stride[0], cast("tuple[int, int]", self.padding)
        y: Tensor = cast(Any, _Depthwise).apply(input, weight, stride, padding)
        return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def with_fast_gradients(module: nn.Module) -> None:
    """Replace every depthwise convolution inside ``module`` that ``DepthwiseConv2d`` can be."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Conv2d) and _fits(child):
            setattr(module, name, _fast(child))
        else:
            with_fast_gradients(child)


def _fits(conv: nn.Conv2d) -> bool:
    kernel, stride, padding = conv.kernel_size, conv.stride, conv.padding
    return (
        type(conv) is nn.Conv2d
        and conv.groups == conv.in_channels == conv.out_channels > 1
        and kernel in ((3, 3), (5, 5))
        and stride in ((1, 1), (2, 2))
        and padding == (kernel[0] // 2, kernel[0] // 2)
        and conv.dilation == (1, 1)
        and conv.padding_mode == "zeros"
    )


def _fast(conv: nn.Conv2d) -> DepthwiseConv2d:
    made = DepthwiseConv2d(
        conv.in_channels,
        conv.out_channels,
        cast(Any, conv.kernel_size),
        cast(Any, conv.stride),
        cast(Any, conv.padding),
        groups=conv.groups,
        bias=conv.bias is not None,
    )
    made.weight, made.bias = conv.weight, conv.bias
    return made


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: _Sides) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        grad = grads[0]
        need_x, need_weight = ctx.needs_input_grad[:2]
        grad_x = _input_gradient(x, weight, grad, ctx.stride, ctx.padding) if need_x else None
        grad_w = _weight_gradient(x, weight, grad, ctx.stride, ctx.padding) if need_weight else None
        return grad_x, grad_w, None, None


def _input_gradient(
    x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: _Sides
) -> Tensor:
    """Correlate with the flipped kernel; at stride 2 with zeros between the gradients."""
    size = weight.shape[-1]
    high, wide = (side + 2 * pad - size + 1 for side, pad in zip(x.shape[2:], padding, strict=True))
    if stride > 1:
        spread = x.new_zeros((*x.shape[:2], high, wide))
        spread = spread.contiguous(memory_format=torch.channels_last)
        spread[:, :, ::stride, ::stride] = grad
        grad = spread
    outside = (size - 1 - padding[0], size - 1 - padding[1])
    return F.conv2d(grad, weight.flip(2, 3), None, 1, outside, groups=x.shape[1])


def _weight_gradient(
    x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: _Sides
) -> Tensor:
    """For a 5 x 5 kernel put together from the gradients of its four 3 x 3 corners."""
    size = weight.shape[-1]
    if size == _PATCH:
        return _plain_weight_gradient(x, weight, grad, stride, padding)
    padded = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    out = torch.empty_like(weight)
    reach = [stride * (length - 1) + _PATCH for length in grad.shape[2:]]
    for row in (0, size - _PATCH):
        for col in (0, size - _PATCH):
            part = padded[:, :, row : row + reach[0], col : col + reach[1]]
            part = part.contiguous(memory_format=torch.channels_last)
            kernel = weight[:, :, row : row + _PATCH, col : col + _PATCH]
            out[:, :, row : row + _PATCH, col : col + _PATCH] = _plain_weight_gradient(
                part, kernel, grad, stride, (0, 0)
            )
    return out


def _plain_weight_gradient(
    x: Tensor, weight: Tensor, grad: Tensor, stride: int, padding: _Sides
) -> Tensor:
    _, gradient, _ = torch.ops.aten.convolution_backward(
        grad,
        x,
        weight,
        None,
        [stride] * 2,
        list(padding),
        [1, 1],
        False,
        [0, 0],
        x.shape[1],
        [False, True, False],
    )
    return cast(Tensor, gradient)
