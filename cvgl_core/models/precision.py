"""The precision that tiles are described in."""

from __future__ import annotations

import torch
from torch import nn

from cvgl_core.models.aggregator import AzimuthPool, GeM
from cvgl_core.types import Precision


def preferred_precision(device: str) -> Precision:
    """Return bfloat16 where the processor computes in it, else float32.

    It pays on CPUs with avx512_bf16 or AMX (both measured) and is slower where it is emulated.

    Args:
        device: ``cpu`` or ``cuda``.
    """
    if device == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if fast else "float32"


def to_bfloat16(model: nn.Module) -> None:
    """Round a network's weights to 16 bits, in place, but for the exponents of its poolings."""
    for module in model.modules():
        if isinstance(module, GeM | AzimuthPool):
            continue
        for part in (*module.parameters(recurse=False), *module.buffers(recurse=False)):
            if part.is_floating_point():
                part.data = part.data.to(torch.bfloat16)
