"""What a run computes on, and how precisely."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def device_named(wanted: str) -> torch.device:
    """Return a device by its name; "auto" is a GPU if there is one."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def autocast_for(wanted: str, device: torch.device) -> AbstractContextManager[object]:
    """bf16 where the hardware has it (on CPUs without it, it is slower than fp32)."""
    if wanted == "fp16":
        return torch.autocast(device.type, torch.float16)
    fast = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    if wanted == "bf16" or (wanted == "auto" and fast):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
