"""Descriptors on a GPU: it compares a photo with all of them in one product."""

from __future__ import annotations

import logging

import numpy as np
import torch

from cvgl_core.index import Index, Rows, is_large, shortlist_length
from cvgl_core.types import DEFAULT_DEPTH, BoolArray, Float32Array, IntArray

log = logging.getLogger(__name__)

_PIECE_ROWS = 1 << 16
_BLOCK_ROWS = 1 << 20
_FREE_SHARE = 0.5
"""Of the free memory; the rest is for the network and for scores."""


class DeviceGallery:
    """Names the best tiles by cosines in half precision; a ``Shortlister`` of an index."""

    def __init__(self, gallery: Rows, device: torch.device | str) -> None:
        """Copy the descriptors ``[N, D]`` to the device, piece by piece."""
        count, dim = gallery.shape
        self._rows = torch.empty((count, dim), dtype=torch.float16, device=device)
        for start in range(0, count, _PIECE_ROWS):
            piece = np.ascontiguousarray(gallery[start : min(start + _PIECE_ROWS, count)])
            self._rows[start : start + len(piece)] = torch.tensor(piece)

    @torch.inference_mode()
    def shortlist(self, queries: Float32Array, k: int, where: BoolArray | None = None) -> IntArray:
        """Return the tiles that may be among the best ``k`` of any query; see ``Shortlister``."""
        device, length = self._rows.device, shortlist_length(k)
        wanted = torch.tensor(queries, device=device)
        wanted = torch.nn.functional.normalize(wanted, dim=1).half()
        values: list[torch.Tensor] = []
        tiles: list[torch.Tensor] = []
        for start in range(0, len(self._rows), _BLOCK_ROWS):
            block = self._rows[start : start + _BLOCK_ROWS]
            scores = (wanted @ block.T).float()
            if where is not None:
                allowed = torch.tensor(where[start : start + _BLOCK_ROWS], device=device)
                scores.masked_fill_(~allowed, -torch.inf)
            best = scores.topk(min(length, len(block)))
            values.append(best.values)
            tiles.append(best.indices + start)
        best = torch.cat(values, dim=1).topk(min(length, len(self._rows)))
        found = torch.cat(tiles, dim=1).gather(1, best.indices)[best.values > -torch.inf]
        return np.unique(found.cpu().numpy())


def search_on(index: Index, device: torch.device) -> None:
    """Let a large index be searched on a GPU, if there is one and it has room."""
    if device.type != "cuda" or index.shortlister is not None:
        return
    if not is_large(len(index), DEFAULT_DEPTH):
        return
    needed = 2 * len(index) * index.manifest.descriptor_dim
    free, _ = torch.cuda.mem_get_info(device)
    if needed > _FREE_SHARE * free:
        log.info("%s: its descriptors do not fit on the GPU; codes are used", index.path)
        return
    index.shortlister = DeviceGallery(index.descriptors, device)
