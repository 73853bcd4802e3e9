"""Re-ranking and decoding of the retrieved tiles (UnifyGeo III-B, Eq. 4; III-C).

``score_t = s_t + max_ij M_t^0(i, j)``, both cosines. With an unknown heading both terms are taken
under the same roll, and the best roll of a tile counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.localization.posterior import TileProbabilities
from cvgl_core.localization.retrieve import Query, Retrieved
from cvgl_core.types import Float32Array, Progress, no_progress


@dataclass(frozen=True)
class RankedTile:
    """A candidate after re-ranking.

    Attributes:
        tile: its index.
        retrieval_rank: 1 for the tile whose descriptor was nearest.
        retrieval_score: cosine of the descriptors, under ``roll``.
        match_score: highest cosine of the detailed match, under ``roll``.
        roll: position in ``Query.rolls`` of the best heading.
        roll_scores: sum of the two under every roll ``[R]``.
    """

    tile: int
    retrieval_rank: int
    retrieval_score: float
    match_score: float
    roll: int
    roll_scores: Float32Array

    @property
    def score(self) -> float:
        """The sum that ranks candidates."""
        return float(self.roll_scores[self.roll])


def rerank(
    engine: MatchEngine,
    index: TileIndex,
    query: Query,
    retrieved: Retrieved,
    batch_tiles: int,
    progress: Progress,
) -> list[RankedTile]:
    """Match the photo against every retrieved tile; best score first, ties by retrieval."""
    ranked: list[RankedTile] = []
    for places in _batches(range(len(retrieved.tiles)), batch_tiles):
        progress("matching", places.start, len(retrieved.tiles))
        tiles = retrieved.tiles[places.start : places.stop]
        matches = engine.match_scores(query.features, index.tile_pixels(tiles), query.rolls)
        for place, match in zip(places, matches, strict=True):
            ranked.append(_ranked(retrieved, place, match))
    progress("matching", len(retrieved.tiles), len(retrieved.tiles))
    return sorted(ranked, key=lambda tile: (-tile.score, tile.retrieval_rank))


def decode(
    engine: MatchEngine,
    index: TileIndex,
    query: Query,
    ranked: Sequence[RankedTile],
    shares: TileProbabilities,
    *,
    top_k: int,
    least: float,
    batch_tiles: int,
    progress: Progress = no_progress,
) -> list[Float32Array]:
    """Return the heatmap of every candidate as log-probability per tile pixel, ``[p, p]`` each.

    Decoding costs as much as matching, so a tile beyond ``top_k`` that is less probable than
    ``least`` gets a flat heatmap: its mass is spread evenly over it, and nothing is lost.
    """
    side = engine.card.aerial_px
    heatmaps = [np.broadcast_to(np.float32(0), (side, side))] * len(ranked)
    wanted = [i for i, share in enumerate(shares.tiles) if i < top_k or share >= least]
    for part in _batches(range(len(wanted)), batch_tiles):
        progress("decoding", part.start, len(wanted))
        chosen = wanted[part.start : part.stop]
        tiles = np.array([ranked[i].tile for i in chosen], dtype=np.int64)
        rolls = [query.rolls[ranked[i].roll] for i in chosen]
        decoded = engine.decode(query.features, index.tile_pixels(tiles), rolls)
        for i, heatmap in zip(chosen, decoded, strict=True):
            heatmaps[i] = heatmap
    return heatmaps


def _ranked(retrieved: Retrieved, place: int, match: Float32Array) -> RankedTile:
    """Return the retrieved tile at ``place`` with its match under every roll ``[R]``."""
    retrieval = retrieved.scores[place]
    scores = retrieval + match
    roll = int(scores.argmax())
    return RankedTile(
        tile=int(retrieved.tiles[place]),
        retrieval_rank=place + 1,
        retrieval_score=float(retrieval[roll]),
        match_score=float(match[roll]),
        roll=roll,
        roll_scores=scores,
    )


def _batches(places: range, size: int) -> Iterator[range]:
    """Yield ``places`` in runs of at most ``size``."""
    for start in range(0, len(places), size):
        yield places[start : start + size]
