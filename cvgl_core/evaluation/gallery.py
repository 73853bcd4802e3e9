"""A whole city in memory, for a quick look at a network while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cvgl_core.data.citypack import CityPack
from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.evaluation.metrics import one_percent_vigor, rank_of, recall_at, within
from cvgl_core.models.unifygeo import UnifyGeo
from cvgl_core.types import DEFAULT_DEPTH, Float32Array, FloatArray, IntArray, ModelCard, UInt8Array

_CHUNK = 32
_PAPER_DEPTH = 5


@dataclass(frozen=True)
class Scores:
    """Queries against every tile: cosine of descriptors and maximum of M^0, each ``[Q, N]``."""

    retrieval: Float32Array
    match: Float32Array

    def reranked(self, depth: int) -> Float32Array:
        """Return ``s_t + max M^0`` for the first ``depth`` of each query, ``s_t - 2`` beyond."""
        order = np.argsort(-self.retrieval, axis=1, kind="stable")
        scores = self.retrieval - 2.0
        rows = np.arange(len(scores))[:, None]
        chosen = order[:, :depth]
        scores[rows, chosen] += 2.0 + self.match[rows, chosen]
        return scores


class Gallery:
    """The half-overlapping tiles of a city, described once."""

    @torch.inference_mode()
    def __init__(
        self, model: UnifyGeo, card: ModelCard, pack: CityPack, device: torch.device
    ) -> None:
        model.eval()
        self._model = model
        self._normalise = _Normaliser(card, device)
        self._half_px = card.aerial_px // 2
        self._pack = pack
        self._grid = CityGrid.of(pack, card.aerial_px)
        self._tiles = self._grid.cut(np.arange(len(self._grid.origins_px)))
        self.centres_px = self._grid.origins_px[:, ::-1] + card.aerial_px / 2  # (u, v)
        parts = [model.forward_aerial(self._normalise(part)) for part in _chunks(self._tiles)]
        self._descriptors = torch.cat([part.descriptor for part in parts])
        self._maps0 = torch.cat([part.maps[0] for part in parts])

    def truth(self) -> tuple[IntArray, IntArray]:
        """Return the views whose camera the grid covers, and the tile nearest to each.

        Nearest is by the maximum norm: the camera lies in that tile's central quarter.
        """
        views, tiles, _ = self._grid.covered()
        return views, tiles

    @torch.inference_mode()
    def score(self, strips: UInt8Array) -> Scores:
        """Compare views ``[Q, h, w, 3]`` with every tile."""
        self._model.eval()
        parts = [self._model.forward_ground(self._normalise(part)) for part in _chunks(strips)]
        retrieval = torch.cat([part.descriptor for part in parts]) @ self._descriptors.T
        columns0 = torch.cat([part.columns[0] for part in parts])
        match = torch.cat(
            [
                self._model.match_level0(part, self._maps0).amax(dim=(2, 3))
                for part in torch.split(columns0, 8)
            ]
        )
        return Scores(retrieval.float().cpu().numpy(), match.float().cpu().numpy())

    @torch.inference_mode()
    def errors_m(self, views: IntArray, tiles: IntArray) -> FloatArray:
        """Return the distance of each tile's arg-max place to the camera, ``[Q]``."""
        strips = self._pack.ground[views]
        found = _decode(self._model, self._normalise, strips, self._tiles[tiles])
        place_px = found + self.centres_px[tiles] - self._half_px
        error_px = np.hypot(*(place_px - self._cameras_px()[views]).T)
        return np.asarray(error_px * self._pack.gsd_m_per_px)

    def figures(self, limit: int) -> dict[str, float]:
        """Return the figures that tell whether training works; shares in [0, 1]."""
        views, truth = (part[:limit] for part in self.truth())
        scores = self.score(self._pack.ground[views])
        ranks = rank_of(scores.retrieval, truth)
        gallery = len(self.centres_px)
        figures = {f"r@{k}": recall_at(ranks, k) for k in (1, 10)}
        figures["r@1%"] = recall_at(ranks, one_percent_vigor(gallery))
        for depth in (_PAPER_DEPTH, DEFAULT_DEPTH, gallery):
            figures[f"r@1 depth {depth}"] = recall_at(rank_of(scores.reranked(depth), truth), 1)
        given = self.errors_m(views, truth)
        found = self.errors_m(views, scores.reranked(DEFAULT_DEPTH).argmax(axis=1))
        figures["given tile median m"] = float(np.median(given))
        figures["given tile mean m"] = float(np.mean(given))
        figures["within 1 m"] = within(found, 1.0)
        figures["within 10 m"] = within(found, 10.0)
        return figures

    def _cameras_px(self) -> FloatArray:
        return np.asarray(self._pack.xy_m.astype(np.float64) / self._pack.gsd_m_per_px)


class _Normaliser:
    """Turns uint8 pixels into network input."""

    def __init__(self, card: ModelCard, device: torch.device) -> None:
        self._device = device
        self._mean = torch.tensor(card.mean_rgb, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(card.std_rgb, device=device).view(1, 3, 1, 1)

    def __call__(self, pixels: UInt8Array) -> Tensor:
        images = torch.from_numpy(np.array(pixels)).to(self._device)
        scaled = images.permute(0, 3, 1, 2).float() / 255.0
        normal = (scaled - self._mean) / self._std
        return normal.contiguous(memory_format=torch.channels_last)


def _chunks(pixels: UInt8Array) -> Iterator[UInt8Array]:
    for start in range(0, len(pixels), _CHUNK):
        yield pixels[start : start + _CHUNK]


def _decode(
    model: UnifyGeo, normalise: _Normaliser, ground: UInt8Array, aerial: UInt8Array
) -> FloatArray:
    """Return the arg-max of each heatmap in tile pixels (u, v), ``[Q, 2]``."""
    found = []
    for strip, tile in zip(_chunks(ground), _chunks(aerial), strict=True):
        output = model.match(
            model.forward_ground(normalise(strip)), model.forward_aerial(normalise(tile))
        )
        size = output.logits.shape[-1]
        cell = output.logits.flatten(1).argmax(dim=1).cpu().numpy()
        found.append(np.stack([cell % size, cell // size], axis=1) + 0.5)
    return np.concatenate(found).astype(np.float64)
