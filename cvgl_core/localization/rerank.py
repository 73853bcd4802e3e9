"""Re-ranking and decoding of the retrieved tiles (UnifyGeo III-B, Eq. 4; III-C).

``score_t = s_t + w max_ij M_t^0(i, j)``, both cosines, with the weight ``w`` of the calibration (1
in the paper). With an unknown heading both terms are taken under the same roll, and the best roll
of a tile counts; what is known of the heading beforehand is added as a log-probability, times the
temperature of the calibration. Where the index keeps detailed maps they are matched, and no image
is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.localization.posterior import TileProbabilities
from cvgl_core.localization.retrieve import Query, Retrieved
from cvgl_core.types import Calibration, Float32Array, IntArray, Progress, no_progress


@dataclass(frozen=True)
class RankedTile:
    """A candidate after re-ranking.

    Attributes:
        tile: its index.
        retrieval_rank: 1 for the tile whose descriptor was nearest.
        retrieval_score: cosine of the descriptors, under ``roll``.
        match_score: highest cosine of the detailed match, under ``roll``.
        roll: position in ``Query.rolls`` of the best heading.
        roll_scores: weighted sum of the two and of what was known under every roll ``[R]``.
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
    calibration: Calibration,
) -> list[RankedTile]:
    """Match the photo against every retrieved tile; best score first, ties by retrieval."""
    known = np.float32(calibration.temperature) * query.turns.log_weights.astype(np.float32)
    count = len(retrieved.tiles)
    matches: Float32Array = np.empty((count, len(query.rolls)), np.float32)
    done = 0
    progress("matching", 0, count)
    for places, match in _matches(engine, index, query, retrieved.tiles, batch_tiles):
        matches[places] = match
        done += len(match)
        progress("matching", done, count)
    scores = retrieved.scores + np.float32(calibration.match_weight) * matches + known
    ranked = [_ranked(retrieved, place, matches[place], scores[place]) for place in range(count)]
    return sorted(ranked, key=lambda tile: (-tile.score, tile.retrieval_rank))


def _matches(
    engine: MatchEngine, index: TileIndex, query: Query, tiles: IntArray, batch_tiles: int
) -> Iterator[tuple[NDArray[np.intp], Float32Array]]:
    """Yield positions in ``tiles`` and their best cosines at every roll ``[n, R]``."""
    if index.has_maps:
        for places, maps in index.tile_maps(tiles):
            yield places, engine.match_maps(query.features, maps, query.rolls)
        return
    for part in _batches(range(len(tiles)), batch_tiles):
        places = np.arange(part.start, part.stop)
        rgb = index.tile_pixels(tiles[places])
        yield places, engine.match_scores(query.features, rgb, query.rolls)


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
    known: dict[int, Float32Array],
    progress: Progress = no_progress,
) -> list[Float32Array]:
    """Return the heatmap of every candidate as log-probability per tile pixel, ``[p, p]`` each.

    Decoding reads the image and runs the network, so a tile beyond ``top_k`` that is less probable
    than ``least`` gets a flat heatmap: its mass is spread evenly over it, and nothing is lost.
    ``known`` holds heatmaps by tile: they are not decoded again, and those decoded now are added.
    """
    side = engine.card.aerial_px
    wanted = [
        tile
        for place, (tile, share) in enumerate(zip(ranked, shares.tiles, strict=True))
        if (place < top_k or share >= least) and tile.tile not in known
    ]
    for part in _batches(range(len(wanted)), batch_tiles):
        progress("decoding", part.start, len(wanted))
        chosen = wanted[part.start : part.stop]
        tiles = np.array([tile.tile for tile in chosen], dtype=np.int64)
        rolls = [query.rolls[tile.roll] for tile in chosen]
        decoded = engine.decode(query.features, index.tile_pixels(tiles), rolls)
        known |= {tile.tile: heatmap for tile, heatmap in zip(chosen, decoded, strict=True)}
    flat = np.broadcast_to(np.float32(0), (side, side))
    return [known.get(tile.tile, flat) for tile in ranked]


def _ranked(
    retrieved: Retrieved, place: int, match: Float32Array, scores: Float32Array
) -> RankedTile:
    """Return the retrieved tile at ``place`` with its match and score under every roll ``[R]``."""
    retrieval = retrieved.scores[place]
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
