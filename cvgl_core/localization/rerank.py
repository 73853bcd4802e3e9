"""Re-ranking and decoding of the retrieved tiles (UnifyGeo III-B, Eq. 4; III-C).

``score_t = s_t + w max_ij M_t^0(i, j)``, both cosines, with the weight ``w`` of the calibration (1
in the paper). With an unknown heading both terms are taken under the same roll, and the best roll
of a tile counts; what is known of the heading beforehand is added as a log-probability, times the
temperature of the calibration. Where the index keeps detailed maps they are matched, and no image
is read.

The best of these are decoded, and their *presence* is added (``models.presence``; this project's
own): the level of a tile's logits, which the network was taught to raise where the camera is. A
tile that was not decoded counts as the least of those that were.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.localization.retrieve import Retrieved, ViewQuery
from cvgl_core.models.presence import log_presence, with_presence
from cvgl_core.types import (
    Calibration,
    Float32Array,
    IntArray,
    Progress,
    no_progress,
)


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
        presence_score: weighted presence; 0 before any tile was decoded.
    """

    tile: int
    retrieval_rank: int
    retrieval_score: float
    match_score: float
    roll: int
    roll_scores: Float32Array
    presence_score: float = 0.0

    @property
    def matched_score(self) -> float:
        """The sum that ranks candidates before they are decoded."""
        return float(self.roll_scores[self.roll])

    @property
    def score(self) -> float:
        """The sum that ranks candidates."""
        return self.matched_score + self.presence_score


def rerank(
    engine: MatchEngine,
    index: TileIndex,
    query: ViewQuery,
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
    engine: MatchEngine, index: TileIndex, query: ViewQuery, tiles: IntArray, batch_tiles: int
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


def ranked_by_presence(
    ranked: Sequence[RankedTile], decoded: Mapping[int, Float32Array], weight: float
) -> list[RankedTile]:
    """Return candidates with their presence, best first.

    Args:
        ranked: the candidates.
        decoded: logits by tile.
        weight: of the presence in a score; see ``Calibration``.
    """
    presence = np.full(len(ranked), np.nan)
    known = [place for place, tile in enumerate(ranked) if tile.tile in decoded]
    if known:
        presence[known] = log_presence(np.stack([decoded[ranked[i].tile] for i in known]))
    added = with_presence(np.zeros(len(ranked)), presence, weight)
    present = [
        replace(tile, presence_score=float(score))
        for tile, score in zip(ranked, added, strict=True)
    ]
    return sorted(present, key=lambda tile: (-tile.score, tile.retrieval_rank))


def decode(
    engine: MatchEngine,
    index: TileIndex,
    query: ViewQuery,
    wanted: Sequence[RankedTile],
    known: dict[int, Float32Array],
    batch_tiles: int,
    progress: Progress = no_progress,
) -> None:
    """Decode tiles whose logits are not ``known`` by tile yet, and add them, ``[p, p]`` each."""
    wanted = [tile for tile in wanted if tile.tile not in known]
    for part in _batches(range(len(wanted)), batch_tiles):
        progress("decoding", part.start, len(wanted))
        chosen = wanted[part.start : part.stop]
        tiles = np.array([tile.tile for tile in chosen], dtype=np.int64)
        rolls = [query.rolls[tile.roll] for tile in chosen]
        decoded = engine.decode(query.features, index.tile_pixels(tiles), rolls)
        known |= {tile.tile: logits for tile, logits in zip(chosen, decoded, strict=True)}


def heatmaps(
    ranked: Sequence[RankedTile], decoded: Mapping[int, Float32Array], side_px: int
) -> list[Float32Array]:
    """Return the heatmap of every candidate as log-probability per tile pixel, ``[p, p]`` each.

    That of a tile which was not ``decoded`` is flat: its mass is spread evenly over it.
    """
    flat = np.zeros((side_px, side_px), np.float32)
    found = []
    for tile in ranked:
        logits = decoded.get(tile.tile, flat)
        found.append((logits - log_presence(logits[None])).astype(np.float32))
    return found


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
