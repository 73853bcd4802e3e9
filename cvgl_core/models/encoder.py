"""The network's way from tiles to what an index stores of them, by torch or by OpenVINO."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from cvgl_core.models.compiling import TensorFunction, compiled
from cvgl_core.models.exported import Exported
from cvgl_core.models.fusing import fuse_activations
from cvgl_core.models.precision import to_bfloat16
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import Precision, Runtime


@dataclass(frozen=True)
class TileEncoder:
    """Functions of normalised pixels and of features, ready to run.

    Attributes:
        dtype: of what goes in.
        describe: from tiles ``[B, 3, p, p]`` to descriptors ``[B, D]`` alone.
        encode: from tiles to descriptors and level-0 maps ``[B, C, h, w]``.
        encode_features: the same from the trunk's 1/16 map.
        stages: of the trunk, for pictures of any size; none if it does not consist of stages.
    """

    dtype: torch.dtype
    describe: TensorFunction
    encode: TensorFunction
    encode_features: TensorFunction
    stages: Sequence[Callable[[Tensor], Tensor]]


def ready(model: UnifyGeo, device: torch.device) -> UnifyGeo:
    """Return a network whose batch norms are folded, changed in place for inference on a device."""
    if device.type == "cpu":
        fuse_activations(model)
    moved = cast(Any, model).to(device=device, memory_format=torch.channels_last)
    return cast(UnifyGeo, moved)  # this "to" is missing in torch's types


def tile_encoder(
    model: UnifyGeo, device: torch.device, precision: Precision, runtime: Runtime
) -> TileEncoder:
    """Return the encoder of a network whose batch norms are folded.

    In float32 by torch it is the network itself, made ``ready``; otherwise a copy.

    Raises:
        MissingDependencyError: OpenVINO is asked for and not installed.
    """
    if runtime == "openvino":
        return _by_openvino(copy.deepcopy(model), precision)
    if precision == "bfloat16":
        model = copy.deepcopy(model)
        to_bfloat16(model)
    return _by_torch(ready(model, device), device)


def _by_torch(model: UnifyGeo, device: torch.device) -> TileEncoder:
    trunk, heads = model.aerial.trunk, _heads(model)

    def describe(x: Tensor) -> tuple[Tensor, ...]:
        return (model.describe_tiles(trunk(x)[2]),)

    def encode(x: Tensor) -> tuple[Tensor, ...]:
        return heads(trunk(x)[2])

    dtype = next(trunk.parameters()).dtype
    return TileEncoder(
        dtype, compiled(describe, device), compiled(encode, device), heads, _stages(trunk)
    )


def _by_openvino(model: UnifyGeo, precision: Precision) -> TileEncoder:
    trunk, heads = model.aerial.trunk, _heads(model)
    encode = Exported(model, lambda x: heads(trunk(x)[2]), precision)
    stages = [_exported_stage(stage, precision) for stage in _stages(trunk)]
    encode_features = Exported(model, heads, precision)
    return TileEncoder(torch.float32, lambda x: encode(x)[:1], encode, encode_features, stages)


def _exported_stage(stage: nn.Module, precision: Precision) -> Callable[[Tensor], Tensor]:
    exported = Exported(stage, lambda x: (stage(x),), precision, any_size=True)
    return lambda x: exported(x)[0]


def _heads(model: UnifyGeo) -> TensorFunction:
    return lambda sixteenth: (model.describe_tiles(sixteenth), model.level0_map(sixteenth))


def _stages(trunk: nn.Module) -> Sequence[nn.Module]:
    return list(cast(Any, trunk).stages) if hasattr(trunk, "stages") else []
