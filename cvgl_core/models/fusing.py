"""Fold batch normalisation into convolutions, for inference only."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

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
