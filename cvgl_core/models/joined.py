"""Convolutions for which a panorama has no ends: its last column lies beside its first.

With zero padding a network knows from the borders where the strip was cut, so a turned picture has
other features than turned features. With the ends joined in every convolution the two are equal,
for turns by whole columns: one pass describes a view under as many headings as it has columns.
"""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from cvgl_core.errors import SettingsError


def join_ends(module: nn.Module) -> None:
    """Let every convolution inside a module wrap around the width of its maps, in place.

    The parameters keep their names and values; only the padding of the width changes, from zeros
    to the other end.

    Raises:
        SettingsError: a convolution's padding is not given in zeros and numbers.
    """
    for conv in module.modules():
        if not isinstance(conv, nn.Conv2d) or conv.kernel_size[1] == 1:
            continue
        if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
            raise SettingsError(f"{type(conv).__name__}: only zero padding can be joined")
        high, wide = conv.padding
        if wide:
            conv.padding = (high, 0)
            conv.register_forward_pre_hook(partial(_joined, wide))


def _joined(margin: int, _: nn.Module, args: tuple[Tensor]) -> Tensor:
    return cast(Tensor, cast(Any, _Joined).apply(args[0], margin))


class _Joined(torch.autograd.Function):
    """Repeat ``margin`` columns beyond either end of ``[B, C, H, W]``.

    Written out, for autograd's own gradient of three slices fills and adds three whole maps.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, margin: int) -> Tensor:
        ctx.margin = margin
        return torch.cat([x[..., -margin:], x, x[..., :margin]], dim=3)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        margin, grad = ctx.margin, grads[0]
        inner = grad[..., margin:-margin].contiguous(memory_format=torch.channels_last)
        inner[..., -margin:] += grad[..., :margin]
        inner[..., :margin] += grad[..., -margin:]
        return inner, None
