"""Hierarchical matching of a ground descriptor with a tile, coarse to fine (UnifyGeo, III-C)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.models.features import MatchOutput, weighted_cosine_norm
from cvgl_core.models.layers import LayerNorm2d


@dataclass(frozen=True)
class DecoderWidths:
    """Channels and sizes of the decoder.

    Attributes:
        levels: channels of the maps that are matched, level 0 first.
        skips: channels of the aerial maps of levels 1, 2, 3.
        factors: up-sampling to reach levels 1, 2, 3: 1 or 2.
        light: normalise after the first convolution of a step and bring the L2-normalised maps
            to unit variance (both shorten training of a small network), and use a cheaper last
            up-sampling; otherwise CCVPE's steps as they are.
    """

    levels: tuple[int, ...]
    skips: tuple[int, int, int]
    factors: tuple[int, int, int]
    light: bool


class DecoderStep(nn.Module):
    """Up-sample ``[M^l, map^l]``, join the aerial map of the next level, convolve twice.

    Transposed convolution without activation, skip, 3x3, ReLU, 3x3, as CCVPE's ``double_conv``.
    """

    def __init__(self, channels: int, out: int, skip: int, factor: int, light: bool) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels + 1, out, factor, stride=factor)
        self.first = nn.Conv2d(out + skip, out, 3, padding=1)
        self.norm: nn.Module = LayerNorm2d(out) if light else nn.Identity()
        self.second = nn.Conv2d(out, out, 3, padding=1)

    def forward(self, joined: Tensor, skip: Tensor) -> Tensor:
        """Map ``[B, 1 + C, h, w]`` and the next level's aerial map to ``[B, out, h', w']``."""
        x = torch.cat([self.up(joined), skip], dim=1)
        y: Tensor = self.second(F.relu(self.norm(self.first(x))))
        return y


class PaperOutput(nn.Module):
    """Two transposed convolutions (4x) and a 3x3 convolution to one channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up1 = nn.ConvTranspose2d(channels + 1, channels // 2, 2, stride=2)
        self.up2 = nn.ConvTranspose2d(channels // 2, channels // 4, 2, stride=2)
        self.out = nn.Conv2d(channels // 4, 1, 3, padding=1)

    def forward(self, joined: Tensor) -> Tensor:
        """Map ``[B, 1 + C, h, w]`` to logits ``[B, 4h, 4w]``."""
        y: Tensor = self.out(F.relu(self.up2(F.relu(self.up1(joined)))))
        return y.squeeze(1)


class LightOutput(nn.Module):
    """A transposed convolution, then four sub-pixel logits per cell from a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(channels + 1, channels // 2, 2, stride=2)
        self.out = nn.Conv2d(channels // 2, 4, 3, padding=1)

    def forward(self, joined: Tensor) -> Tensor:
        """Map ``[B, 1 + C, h, w]`` to logits ``[B, 4h, 4w]``."""
        return F.pixel_shuffle(self.out(F.relu(self.up(joined))), 2).squeeze(1)


class MatchingDecoder(nn.Module):
    """Four matching maps and a probability map from descriptors and aerial maps."""

    def __init__(self, widths: DecoderWidths) -> None:
        super().__init__()
        self.steps = nn.ModuleList(
            DecoderStep(*sizes, light=widths.light)
            for sizes in zip(
                widths.levels[:-1], widths.levels[1:], widths.skips, widths.factors, strict=True
            )
        )
        last = widths.levels[-1]
        self.output: nn.Module = LightOutput(last) if widths.light else PaperOutput(last)
        self.light = widths.light

    def forward(
        self, columns: Sequence[Tensor], maps: Sequence[Tensor], weights: Tensor | None = None
    ) -> MatchOutput:
        """Match pairwise: ``columns`` per level ``[B, C_l]`` with ``maps`` ``[B, C, h, w]``.

        ``weights [B, n]`` are those that ``columns`` were weighed with.
        """
        score, joined = self._join(columns[0], maps[0], weights)
        scores = [score]
        for level, step in enumerate(self.steps, start=1):
            x = step(joined, maps[level])
            score, joined = self._join(columns[level], F.normalize(x, dim=1), weights)
            scores.append(score)
        return MatchOutput(tuple(scores), self.output(joined).float())

    def _join(
        self, column: Tensor, unit_map: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        score = pairwise_cosines(column, unit_map, weights)
        joined = torch.cat([score[:, None].to(unit_map.dtype), unit_map], dim=1)
        return score, joined * math.sqrt(unit_map.shape[1]) if self.light else joined


def pairwise_cosines(column: Tensor, unit_map: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cosine of ``column[b]`` with each position of ``unit_map[b]``: ``[B, h, w]``, float32.

    Both must be L2-normalised over channels, or ``column`` weighed with ``weights [B, n]``.
    """
    batch, channels, height, width = unit_map.shape
    flat = unit_map.float().permute(0, 2, 3, 1).reshape(batch, height * width, channels)
    with torch.autocast(unit_map.device.type, enabled=False):
        scores = torch.bmm(flat, column.float()[:, :, None]).reshape(batch, height, width)
    if weights is None:
        return scores
    return scores / weighted_cosine_norm(unit_map, weights, pairwise=True)


def all_cosines(columns: Tensor, unit_maps: Tensor, weights: Tensor | None = None) -> Tensor:
    """Cosine of every ``columns[g]`` with every position of every map: ``[G, T, h, w]``, float32.

    Both must be L2-normalised over channels, or ``columns`` weighed with ``weights [G, n]``.
    """
    tiles, channels, height, width = unit_maps.shape
    flat = unit_maps.float().permute(1, 0, 2, 3).reshape(channels, -1)
    with torch.autocast(unit_maps.device.type, enabled=False):
        scores = (columns.float() @ flat).reshape(columns.shape[0], tiles, height, width)
    return scores if weights is None else scores / weighted_cosine_norm(unit_maps, weights)
