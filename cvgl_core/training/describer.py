"""What the network, as it is while training, says about images of a listed data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import torch
from torch import Tensor

from cvgl_core.data.pairset import PairImages
from cvgl_core.errors import DatasetError
from cvgl_core.models import UnifyGeo
from cvgl_core.training.world import World
from cvgl_core.types import FloatArray, IntArray, UInt8Array

_CHUNK = 64


class Describer:
    """Describes images and places cameras; an unreadable image is described by zeros."""

    def __init__(
        self,
        model: UnifyGeo,
        autocast: AbstractContextManager[object],
        threads: int,
        world: World | None = None,
    ) -> None:
        self._model = model
        self._autocast = autocast
        self._threads = threads
        self._world = world or World()
        card = model.card()
        self._mean = torch.tensor(card.mean_rgb).view(1, 3, 1, 1)
        self._std = torch.tensor(card.std_rgb).view(1, 3, 1, 1)

    def __call__(
        self, images: PairImages, views: IntArray, tiles: IntArray
    ) -> tuple[Tensor, Tensor]:
        """Return the global descriptors of views and of tiles, L2-normalised, in their order."""
        return self._all(images.view, views, self._view), self._all(images.tile, tiles, self._tile)

    def places(self, images: PairImages, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return the arg-max place of each view on the tile beside it ``[n, 2]``.

        Places are fractions of the tile's side (u right, v down) from its upper left; NaN where an
        image cannot be read.
        """
        found = []
        pairs = zip(self._chunks(images.view, views), self._chunks(images.tile, tiles), strict=True)
        for view, tile in pairs:
            with torch.no_grad(), self._autocast:
                self._model.eval()
                logits = self._model(view, tile).logits
            side = logits.shape[-1]
            cell = logits.flatten(1).argmax(dim=1).cpu().numpy()
            uv = (np.stack([cell % side, cell // side], axis=1) + 0.5) / side
            uv[(_unreadable(view) | _unreadable(tile)).cpu().numpy()] = np.nan
            found.append(uv)
        return np.concatenate(found)

    def _view(self, x: Tensor) -> Tensor:
        return self._model.forward_ground(x).descriptor

    def _tile(self, x: Tensor) -> Tensor:
        return self._model.describe_tiles(self._model.aerial.trunk(x)[2])

    def _all(
        self,
        read: Callable[[int], UInt8Array],
        numbers: IntArray,
        describe: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """Describe this process's part, and put the parts of all processes together."""
        size = self._world.size
        padded = np.resize(numbers, -(-len(numbers) // size) * size)
        parts = []
        for pixels in self._chunks(read, padded[self._world.share(len(padded))]):
            with torch.no_grad(), self._autocast:
                self._model.eval()
                parts.append(describe(pixels.nan_to_num()).float())
            parts[-1][_unreadable(pixels)] = 0.0
        return self._world.gather(torch.cat(parts))[: len(numbers)]

    def _chunks(self, read: Callable[[int], UInt8Array], numbers: IntArray) -> Iterator[Tensor]:
        """Yield normalised images, read by threads; NaN where one cannot be read."""
        device = next(self._model.parameters()).device
        with ThreadPoolExecutor(self._threads) as pool:
            for start in range(0, len(numbers), _CHUNK):
                found = list(pool.map(_tried(read), numbers[start : start + _CHUNK].tolist()))
                shape = next((image.shape for image in found if image is not None), (32, 32, 3))
                pixels = np.stack(
                    [
                        np.full(shape, np.nan, np.float32) if image is None else image
                        for image in found
                    ]
                ).astype(np.float32)
                scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255.0
                yield ((scaled - self._mean) / self._std).to(device)


def _unreadable(pixels: Tensor) -> Tensor:
    return pixels[:, 0, 0, 0].isnan()


def _tried(read: Callable[[int], UInt8Array]) -> Callable[[int], UInt8Array | None]:
    def tried(number: int) -> UInt8Array | None:
        try:
            return read(number)
        except DatasetError:
            return None  # counted and logged when the pair is drawn

    return tried
