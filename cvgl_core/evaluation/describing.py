"""Descriptors of many images of places, with test-time augmentation where asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvgl_core.data.placeimages import squares
from cvgl_core.models.skylink import ImageInput
from cvgl_core.types import Float32Array, Progress, UInt8Array, no_progress

_CHUNK = 32
_THREADS = 4


class PlaceDescriber:
    """Runs a network over images.

    Args:
        model: images to L2-normalised descriptors; set to inference.
        sees: its input.
        device: of torch.
        augmented: average the descriptors of an image, its mirror image and both turned by 90
            degrees, as SkyLink does at test time (flip x {0, 90 degrees}).
    """

    def __init__(
        self, model: nn.Module, sees: ImageInput, device: str = "cpu", augmented: bool = False
    ) -> None:
        self._model = model.eval().to(device)
        self._side_px = sees.image_px
        self._device = torch.device(device)
        self._augmented = augmented
        self._mean = torch.tensor(sees.mean_rgb, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(sees.std_rgb, device=device).view(1, 3, 1, 1)

    def images(
        self,
        paths: Sequence[Path],
        listed: Sequence[str] = (),
        progress: Progress = no_progress,
        stage: str = "describing",
    ) -> Float32Array:
        """Return L2-normalised descriptors ``[N, D]``.

        Args:
            paths: of the images.
            listed: ``file:line`` of each, if a list names them.
            progress: called after each chunk.
            stage: what to call it there.

        Raises:
            DatasetError: an image is missing or damaged.
        """
        parts: list[Float32Array] = []
        for rgb in squares(paths, self._side_px, _CHUNK, _THREADS, listed):
            parts.append(self.pixels(rgb))
            progress(stage, sum(map(len, parts)), len(paths))
        return np.concatenate(parts)

    @torch.inference_mode()
    def pixels(self, rgb: UInt8Array) -> Float32Array:
        """Return L2-normalised descriptors ``[n, D]`` of squares ``[n, p, p, 3]``."""
        images = torch.from_numpy(np.ascontiguousarray(rgb)).to(self._device)
        scaled = images.permute(0, 3, 1, 2).float() / 255.0
        views = _turned(scaled) if self._augmented else (scaled,)
        total = torch.stack([self._model((view - self._mean) / self._std) for view in views])
        described: Float32Array = F.normalize(total.sum(dim=0), dim=1).cpu().numpy()
        return described


def _turned(images: Tensor) -> tuple[Tensor, ...]:
    """Return images and their mirror images, as they are and turned by 90 degrees."""
    mirrored = images.flip(3)
    return images, mirrored, images.rot90(1, (2, 3)), mirrored.rot90(1, (2, 3))
