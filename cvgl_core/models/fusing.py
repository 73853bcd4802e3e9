"""Fold what follows a convolution into it, for inference only.

Batch norms become part of the weights. On a CPU the activation after a convolution is applied while
its result is still in registers, and weights are kept in the order that oneDNN wants them in for
batches of that size: it can, but torch asks it to only from compiled code, which needs a compiler
and half a minute.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_SIZES_KEPT = 3
_FUSIBLE_BLOCKS = ("DepthwiseSeparableConv", "InvertedResidual")


def fuse_batch_norms(model: nn.Module) -> int:
    """Fold each batch norm into the convolution before it, in place; returns how many.

    Only in blocks whose layers are known to run in the order in which they are registered:
    EfficientNet's, and sequences that begin with its stem. The model must be in eval mode.
    """
    fused = 0
    for module in model.modules():
        if type(module).__name__ in _FUSIBLE_BLOCKS or isinstance(module, nn.Sequential):
            fused += _fuse_children(module)
    return fused


def _fuse_children(module: nn.Module) -> int:
    fused = 0
    for (conv_name, conv), (norm_name, norm) in pairwise(list(module.named_children())):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(module, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(module, norm_name, _what_follows(norm))
            fused += 1
    return fused


def _what_follows(norm: nn.BatchNorm2d) -> nn.Module:
    """Activation inside timm's ``BatchNormAct2d``; a plain norm has none."""
    return cast(nn.Module, cast(Any, norm).act) if hasattr(norm, "act") else nn.Identity()


class FusedConv2d(nn.Conv2d):
    """A convolution by oneDNN, cut off at 0 and 6 if asked; shares the parameters of another.

    Args:
        conv: zero-padded, its padding given in numbers.
        relu6: whether the result is clamped.
    """

    def __init__(self, conv: nn.Conv2d, relu6: bool) -> None:
        nn.Module.__init__(self)
        self.__dict__.update(conv.__dict__)
        self._after: tuple[str, list[float]] = ("hardtanh", [0.0, 6.0]) if relu6 else ("none", [])
        self._ordered: dict[torch.Size, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        """Convolve ``[B, C, H, W]``."""
        y: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._weight_for(x), self.bias, self.padding, self.stride, self.dilation,
            self.groups, *self._after, "",
        )  # fmt: skip
        return y

    def _weight_for(self, x: Tensor) -> Tensor:
        """Return the weight in the order that is best for batches like ``x``.

        It is kept for the first few sizes; the order changes no result.
        """
        ordered = self._ordered.get(x.shape)
        if ordered is not None:
            return ordered
        if len(x) == 1 or len(self._ordered) == _SIZES_KEPT or torch.is_grad_enabled():
            return self.weight
        ordered = torch.ops.mkldnn._reorder_convolution_weight(
            self.weight, self.padding, self.stride, self.dilation, self.groups, x.shape
        )
        self._ordered[x.shape] = cast(Tensor, ordered)
        return self._ordered[x.shape]


def fuse_activations(model: nn.Module) -> int:
    """Make every convolution a ``FusedConv2d`` with the ReLU6 after it, in place.

    Returns how many have one. Batch norms must have been folded. Nothing happens where oneDNN is
    missing.
    """
    if not (
        cast(Any, torch.backends.mkldnn).is_available() and hasattr(torch.ops.mkldnn, _OPERATOR)
    ):
        return 0
    return sum(_fuse_relu6(module) for module in list(model.modules()))


_OPERATOR = "_convolution_pointwise"


def _fuse_relu6(module: nn.Module) -> int:
    ordered = type(module).__name__ in _FUSIBLE_BLOCKS or isinstance(module, nn.Sequential)
    children = list(module.named_children())
    after = dict(pairwise([name for name, _ in children])) if ordered else {}
    fused = 0
    for name, child in children:
        if not isinstance(child, nn.Conv2d) or isinstance(child, FusedConv2d) or not _plain(child):
            continue
        activation = getattr(module, after[name]) if name in after else None
        relu6 = type(activation) is nn.ReLU6
        setattr(module, name, FusedConv2d(child, relu6))
        if relu6:
            setattr(module, after[name], nn.Identity())
            fused += 1
    return fused


def _plain(conv: nn.Conv2d) -> bool:
    return conv.padding_mode == "zeros" and not isinstance(conv.padding, str)
