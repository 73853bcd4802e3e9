"""Gradients of depthwise convolutions on a CPU: torch's own against ``models/depthwise.py``.

    OMP_NUM_THREADS=1 python benchmarks/bench_depthwise.py [--pairs 32] [--rounds 5]

Process time of forward and backward under bf16 autocast where the CPU has it: the layers of
EfficientNet-Lite0 that differ most, then a whole training step of ``unifygeo-lite0``. The
baseline is the same network with plain convolutions, in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from contextlib import nullcontext
from unittest import mock

import torch
from torch import nn

from cvgl_core.losses import BatchTruth, UnifyGeoLoss
from cvgl_core.models import UnifyGeo, backbones, create_model
from cvgl_core.models.depthwise import with_fast_gradients

LAYERS = ((96, 64, 3, 2), (144, 32, 5, 2), (240, 16, 5, 1), (672, 8, 5, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| | plain ms | ours ms | plain / ours |\n|---|---|---|---|")
    for channels, side, kernel, stride in LAYERS:
        plain, ours = (
            median_s(layer(channels, side, kernel, stride, options.pairs, fast), options.rounds)
            for fast in (False, True)
        )
        tell(f"{channels} channels, {side} px, {kernel} x {kernel}, stride {stride}", plain, ours)
    with mock.patch.object(backbones, "with_fast_gradients"):
        slow = create_model("unifygeo-lite0")
    plain = median_s(step(slow, options.pairs), options.rounds)
    ours = median_s(step(create_model("unifygeo-lite0"), options.pairs), options.rounds)
    tell(f"a training step of {options.pairs} pairs", plain, ours)


def tell(name: str, plain_s: float, ours_s: float) -> None:
    print(f"| {name} | {1e3 * plain_s:.0f} | {1e3 * ours_s:.0f} | {plain_s / ours_s:.2f} |")


def autocast() -> torch.autocast | nullcontext:
    fast = torch.cpu._is_avx512_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16) if fast else nullcontext()


def layer(
    channels: int, side: int, kernel: int, stride: int, pairs: int, fast: bool
) -> Callable[[], None]:
    conv = nn.Conv2d(channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False)
    block = nn.Sequential(conv).to(memory_format=torch.channels_last)
    if fast:
        with_fast_gradients(block)
    x = torch.randn(pairs, channels, side, side).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()

    def run() -> None:
        with autocast():
            y = block(x)
        y.float().sum().backward()

    return run


def step(model: UnifyGeo, pairs: int) -> Callable[[], None]:
    card = model.card()
    loss = UnifyGeoLoss()
    ground = torch.randn(pairs, 3, card.ground.height_px, card.ground.width_px)
    aerial = torch.randn(pairs, 3, card.aerial_px, card.aerial_px)
    ground, aerial = (x.contiguous(memory_format=torch.channels_last) for x in (ground, aerial))
    model.to(memory_format=torch.channels_last)
    truth = BatchTruth(torch.full((pairs, 2), card.aerial_px / 2))

    def run() -> None:
        with autocast():
            seen, tiles = model.forward_ground(ground), model.forward_aerial(aerial)
            output = model.match(seen, tiles)
        loss(seen, tiles, output, truth).total.backward()

    return run


def median_s(run: Callable[[], None], rounds: int) -> float:
    run()
    times = []
    for _ in range(rounds):
        started = time.process_time()
        run()
        times.append(time.process_time() - started)
    return sorted(times)[len(times) // 2]


if __name__ == "__main__":
    main()
