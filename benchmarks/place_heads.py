"""Trains SkyLink's mixer on patch tokens of the frozen backbone that are kept.

A step of the whole network takes seconds on a processor, one of its last layers hundredths. Each
image is shown in a few fixed augmentations, encoded when they are first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import torch
from torch import Tensor, nn

from cvgl_core.models.skylink import SkyLink
from cvgl_core.training.device import autocast_for
from cvgl_core.training.skylink import SkyLinkTrainer
from cvgl_core.training.skylink_source import PlaceSource

VERSIONS = 4


class Kept:
    """A frozen backbone and what it made of images so far, in half precision."""

    def __init__(self, backbone: nn.Module) -> None:
        self._backbone = backbone.eval()
        self._found: dict[object, Tensor] = {}

    @torch.no_grad()
    def tokens(self, keys: Sequence[object], images: Tensor | None) -> Tensor | None:
        """Return the tokens of images by their keys; None if some are missing and not given."""
        if any(key not in self._found for key in keys):
            if images is None:
                return None
            with autocast_for("auto", images.device):
                made = self._backbone(images).half()
            self._found |= dict(zip(keys, made, strict=True))
        return torch.stack([self._found[key] for key in keys]).float().clone()


class KeptTokens(nn.Module):
    """In the place of a network's backbone: passes tokens on, and remembers those of images."""

    def __init__(self, kept: Kept) -> None:
        super().__init__()
        self._kept = kept

    def forward(self, x: Tensor) -> Tensor:
        """Return tokens ``[B, C, h, w]`` of images or of tokens."""
        if x.shape[1] != 3:
            return x
        keys = [blake2b(image.numpy().tobytes()).digest() for image in x]
        found = self._kept.tokens(keys, x)
        assert found is not None
        return found


class KeptSource(PlaceSource):
    """Batches whose images are tokens."""

    def __init__(self, kept: Kept, like: SkyLinkTrainer) -> None:
        super().__init__(like.places, like.config, like.model.config.sees)
        self._kept = kept

    def _images(self, paths: Sequence[Path], noise: torch.Generator, tiles: bool = False) -> Tensor:
        copies = [self._version(paths, noise, tiles) for _ in range(self._copies)]
        return torch.stack(copies, dim=1)

    def _version(self, paths: Sequence[Path], noise: torch.Generator, tiles: bool) -> Tensor:
        chosen = torch.randint(VERSIONS, (len(paths),), generator=noise).tolist()
        parts = [
            self._one(path, version, tiles) for path, version in zip(paths, chosen, strict=True)
        ]
        return torch.cat(parts)

    def _one(self, path: Path, version: int, tiles: bool) -> Tensor:
        key = (path, version)
        found = self._kept.tokens([key], None)
        if found is None:
            seed = crc32(f"{version} {path}".encode())
            images = super()._images([path], torch.Generator().manual_seed(seed), tiles)[:, 0]
            found = self._kept.tokens([key], images)
        assert found is not None
        return found


def only_heads(trainer: SkyLinkTrainer, kept: Kept | None) -> Kept:
    """Let a trainer train all but the backbone; ``kept`` is that of an earlier one."""
    model: SkyLink = trainer.model
    kept = kept or Kept(model.tokens)
    cast(Any, model).tokens = KeptTokens(kept)
    trainer.source = KeptSource(kept, trainer)
    return kept
