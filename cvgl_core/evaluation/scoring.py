"""A query of any kind against a gallery: its candidates under every heading, as ``locate`` asks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cvgl_core.evaluation.asking import Asked
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.store import TileStore
from cvgl_core.geo.heading import hypotheses
from cvgl_core.models import QueryFeatures
from cvgl_core.types import DECODED_TILES, Calibration, Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class Candidates:
    """The best retrieved tiles of one query, best first.

    Attributes:
        query: the described view.
        turns_deg: azimuths of the view's centre column that were tried ``[R]``, grid north.
        log_weights: of them beforehand ``[R]``; the likeliest has 0.
        best: cosine of every tile of the gallery under its best heading ``[N]``.
        tiles: candidates ``[K]``.
        retrieval: their cosines of descriptors ``[K, R]``.
        match: their maxima of ``M^0`` ``[K, R]``.
    """

    query: QueryFeatures
    turns_deg: FloatArray
    log_weights: FloatArray
    best: Float32Array
    tiles: IntArray
    retrieval: Float32Array
    match: Float32Array

    def scores(self, calibration: Calibration) -> FloatArray:
        """Return what ranks tiles and headings before tiles are decoded ``[K, R]``.

        See ``localization.rerank``.
        """
        known = calibration.temperature * self.log_weights
        return self.retrieval + calibration.match_weight * self.match.astype(np.float64) + known


class Scorer:
    """Asks a network about one gallery."""

    def __init__(self, store: TileStore, network: Network, depth: int) -> None:
        self._store = store
        self._network = network
        self._gallery = torch.from_numpy(store.descriptors.astype(np.float32))
        self._gallery /= self._gallery.norm(dim=1, keepdim=True)
        self.depth = min(depth, len(self._gallery))

    def __call__(self, asked: Asked) -> Candidates:
        """Retrieve and match."""
        turns = hypotheses(asked.view, asked.prior)
        query = self._network.query(asked.view, len(turns.rolls))
        cosines = self._gallery @ torch.from_numpy(query.descriptors_at(turns.rolls)).T
        best = cosines[:, torch.from_numpy(turns.searched)].amax(dim=1).numpy()
        tiles = np.argsort(-best, kind="stable")[: self.depth].astype(np.int64)
        return Candidates(
            query,
            turns.azimuths_deg,
            turns.log_weights,
            best,
            tiles,
            cosines[torch.from_numpy(tiles)].numpy(),
            self._match(query, turns.rolls, tiles),
        )

    def closer(self, found: Candidates, matched: FloatArray) -> tuple[IntArray, Float32Array]:
        """Decode the best candidates, each under its best heading, as ``locate`` does.

        Args:
            found: the candidates.
            matched: their scores before that ``[K, R]``.

        Returns:
            Their positions among the candidates ``[n]`` and logits ``[n, p, p]``.
        """
        best = np.argsort(-matched.max(axis=1), kind="stable")[:DECODED_TILES]
        rolls = matched[best].argmax(axis=1)
        return best, self.decode(found.query, found.tiles[best], rolls)

    def decode(self, query: QueryFeatures, tiles: IntArray, rolls: IntArray) -> Float32Array:
        """Return the logits of the camera per pixel of tiles, each under its own roll."""
        columns = tuple(
            self._tensor(query.columns_at(level, rolls.tolist()))
            for level in range(len(query.columns))
        )
        seen = query.weights_at(rolls.tolist())
        weights = None if seen is None else self._tensor(seen)
        return self._store.decode(columns, tiles, weights)

    def _match(self, query: QueryFeatures, rolls: tuple[int, ...], tiles: IntArray) -> Float32Array:
        seen = query.weights_at(rolls)
        scores = self._network.best_match(
            self._tensor(query.columns_at(0, rolls)),
            self._store.maps(tiles, levels=1)[0],
            None if seen is None else self._tensor(seen),
        )
        match: Float32Array = scores.T.float().cpu().numpy()
        return match

    def _tensor(self, values: Float32Array) -> Tensor:
        return torch.from_numpy(values).to(self._network.device)
