"""Backbones from timm, cut into a shared trunk and the late part that heads are made from.

The only file that imports timm. UnifyGeo (arXiv 2505.07622, III-C) shares the first three stages
of a backbone between its two tasks and gives each task its own copy of the last stage, truncated.
Any timm network with features at 1/4, 1/8 and 1/16 of the input can take part.
"""

from __future__ import annotations

import copy
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from cvgl_core.errors import MissingDependencyError, SettingsError
from cvgl_core.models.depthwise import with_fast_gradients
from cvgl_core.models.layers import LayerNorm2d, ResidualBlock

_TRUNK_STRIDES = (4, 8, 16)
_TORCHVISION_OPERATORS: list[Any] = []  # kept alive: they go when it goes


@dataclass(frozen=True)
class BackboneParts:
    """A backbone cut in two.

    Attributes:
        trunk: image to three maps at 1/4, 1/8 and 1/16.
        head: the truncated last stage, from the 1/16 map.
        channels: channels of the three maps.
        head_channels: channels of the head's map.
    """

    trunk: Trunk
    head: nn.Module
    channels: tuple[int, int, int]
    head_channels: int


class Trunk(nn.Module):
    """Three stages run one after the other; returns the map after each of them."""

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map an image ``[B, 3, H, W]`` to features at 1/4, 1/8 and 1/16 of its size."""
        quarter = self.stages[0](x)
        eighth = self.stages[1](quarter)
        return quarter, eighth, self.stages[2](eighth)


class _FeatureList(nn.Module):
    """A timm ``features_only`` network as a trunk: takes its three finest pyramid levels."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map an image ``[B, 3, H, W]`` to features at 1/4, 1/8 and 1/16 of its size."""
        quarter, eighth, sixteenth = self.net(x)
        return quarter, eighth, sixteenth


def import_timm() -> Any:
    """Return the timm module, made importable beside a CPU build of torch.

    A torchvision built for CUDA stops at import on a CPU torch because its ``nms`` operator is
    missing; nothing here uses it, so an empty declaration is put in its place.

    Raises:
        MissingDependencyError: timm is not installed or cannot be imported.
    """
    _declare_torchvision_operators()
    try:
        return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        message = f"timm cannot be imported ({error}); install it with: pip install timm"
        raise MissingDependencyError(message) from error


def _declare_torchvision_operators() -> None:
    if _TORCHVISION_OPERATORS or torch.version.cuda is not None or torch.version.hip is not None:
        return
    try:
        _ = torch.ops.torchvision.nms
    except (AttributeError, RuntimeError):
        library: Any = cast(Any, torch.library.Library)("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _TORCHVISION_OPERATORS.append(library)


def create_timm(name: str, **options: Any) -> nn.Module:
    """Return a timm network with random weights; nothing is ever downloaded.

    Raises:
        SettingsError: timm knows no network of that name.
    """
    timm = import_timm()
    if not timm.is_model(name):
        raise SettingsError(f"timm knows no network {name!r}; see timm.list_models()")
    if "efficientnet_lite" in name:
        options.setdefault("bn_eps", 1e-3)  # as trained; the symmetric variant defaults to 1e-5
    return cast(nn.Module, timm.create_model(name, pretrained=False, **options))


def build_backbone(name: str, head_stride: int) -> BackboneParts:
    """Return the parts of a new network with random weights.

    Args:
        name: of a timm network.
        head_stride: 2 keeps the last stage's down-sampling (as the paper does), 1 removes it.

    Raises:
        SettingsError: the network is unknown or has no maps at 1/4, 1/8 and 1/16.
    """
    if head_stride not in (1, 2):
        raise SettingsError(f"head_stride must be 1 or 2, not {head_stride}")
    net = create_timm(name)
    if can_split(net, head_stride):
        return split_backbone(net, head_stride)
    return _generic_backbone(name, head_stride)


def can_split(net: nn.Module, head_stride: int) -> bool:
    """Say whether heads can be cut out of the network's own last stage."""
    if hasattr(net, "conv_stem") and hasattr(net, "blocks") and hasattr(net, "bn1"):
        return _reductions(net)[-4:] == [4, 8, 16, 32]
    return head_stride == 2 and _is_convnext(net)


def _is_convnext(net: nn.Module) -> bool:
    return type(net).__name__ == "ConvNeXt" and _reductions(net) == [4, 8, 16, 32]


def _reductions(net: nn.Module) -> list[int]:
    return [int(level["reduction"]) for level in _feature_info(net)]


def _feature_info(net: nn.Module) -> list[dict[str, Any]]:
    return [dict(level) for level in getattr(net, "feature_info", [])]


def split_backbone(net: nn.Module, head_stride: int) -> BackboneParts:
    """Cut a network for which ``can_split`` holds; the parts share its parameters."""
    return _split_convnext(net) if _is_convnext(net) else _split_efficientnet(net, head_stride)


def _split_convnext(net: nn.Module) -> BackboneParts:
    modules = cast(Any, net)
    stages = modules.stages
    trunk = Trunk([nn.Sequential(modules.stem, stages[0]), stages[1], stages[2]])
    head = nn.Sequential(stages[3].downsample, stages[3].blocks[0])
    channels = [int(level["num_chs"]) for level in _feature_info(net)]
    return BackboneParts(trunk, head, (channels[0], channels[1], channels[2]), channels[3])


def _split_efficientnet(net: nn.Module, head_stride: int) -> BackboneParts:
    """Take the first block of the late stages: down-sampling and one block, as the paper's heads.

    In these networks that is one and the same inverted residual. Keeping the last stage's block
    too costs 28 % more in a training step of ``unifygeo-lite0``.
    """
    with_fast_gradients(net)
    modules = cast(Any, net)
    levels = [level for level in _feature_info(net) if level["reduction"] >= 4]
    ends = [int(str(level["module"]).split(".")[1]) + 1 for level in levels]
    blocks = list(modules.blocks)
    stages = [
        nn.Sequential(modules.conv_stem, modules.bn1, *blocks[: ends[0]]),
        nn.Sequential(*blocks[ends[0] : ends[1]]),
        nn.Sequential(*blocks[ends[1] : ends[2]]),
    ]
    head = blocks[ends[2]][0]
    if head_stride == 1:
        for module in head.modules():
            if isinstance(module, nn.Conv2d):
                module.stride = (1, 1)
    channels = [int(level["num_chs"]) for level in levels]
    width = int(head.conv_pwl.out_channels)
    return BackboneParts(Trunk(stages), head, (channels[0], channels[1], channels[2]), width)


def _generic_backbone(name: str, head_stride: int) -> BackboneParts:
    probe = create_timm(name)
    indices = [i for i, r in enumerate(_reductions(probe)) if r in _TRUNK_STRIDES]
    if len(indices) != len(_TRUNK_STRIDES):
        raise SettingsError(
            f"{name}: a backbone needs feature maps at 1/4, 1/8 and 1/16 of the input; "
            f"this one has 1/{_reductions(probe)}"
        )
    net = create_timm(name, features_only=True, out_indices=tuple(indices))
    channels = cast(Any, net).feature_info.channels()
    width = 2 * int(channels[2])
    head = nn.Sequential(
        LayerNorm2d(int(channels[2])),
        nn.Conv2d(int(channels[2]), width, kernel_size=head_stride, stride=head_stride),
        ResidualBlock(width),
    )
    trunk = cast(Trunk, _FeatureList(net))
    return BackboneParts(trunk, head, (int(channels[0]), int(channels[1]), int(channels[2])), width)


def twin(module: nn.Module) -> nn.Module:
    """Return an unshared copy: the second of two heads that start equal."""
    return copy.deepcopy(module)
