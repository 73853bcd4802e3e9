"""The whole path on a data set with known places: the paper's way and this project's, at once.

Every view is one query. Its candidates are retrieved and matched once, as deep as the deepest
question asks; the tiles that any answer needs are decoded once. Memory is bounded whatever the
gallery: a block of views is searched in chunks of tiles, and only its candidates have scores.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from cvgl_core.evaluation.accuracy import PAPER_DEPTH, Accuracy, Fused, Reranked, Subject
from cvgl_core.evaluation.evalset import EvalSet, area_m2
from cvgl_core.evaluation.network import Network
from cvgl_core.evaluation.ranking import Ranks, rank_after, ranks
from cvgl_core.evaluation.stopwatch import Stopwatch
from cvgl_core.evaluation.store import MAPS_BYTES, TileStore
from cvgl_core.index.search import exact_search
from cvgl_core.localization.kinds import UNCALIBRATED
from cvgl_core.localization.placing import Placer, ViewCandidates
from cvgl_core.localization.ports import Found
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.models import GroundFeatures
from cvgl_core.models.presence import presence_of, with_presence
from cvgl_core.types import BoolArray, Float32Array, FloatArray, IntArray, Progress, no_progress

CURVE_DEPTHS = (1, PAPER_DEPTH, 10, 20, 50, 100, 200, 500, 1000)
_BLOCK = 64
_TIMED_VIEWS = 8
_FUSED_COLUMNS = len(fields(Fused))


@dataclass(frozen=True)
class BenchmarkOptions:
    """What is asked of a benchmark.

    Attributes:
        settings: how this project locates; its ``depth`` is the one compared with the paper's.
        deepest: no depth of the curve goes beyond it; nor beyond the settings' depth where maps do
            not fit, for every candidate would have to be described again.
        limit: only so many views, the first; all if None.
        labels: where the true places come from; "centre" where they are the tiles' centres.
        maps_bytes: memory that the gallery's maps may take.
        strangers: the same gallery with views that belong nowhere in it, asked for calibration; of
            a limited run as large a part of them as of the views.
    """

    settings: LocalizeSettings = field(default_factory=LocalizeSettings)
    deepest: int = CURVE_DEPTHS[-1]
    limit: int | None = None
    labels: str = ""
    maps_bytes: int = MAPS_BYTES
    strangers: EvalSet | None = None


def benchmark(
    data: EvalSet, network: Network, options: BenchmarkOptions, progress: Progress = no_progress
) -> Accuracy:
    """Measure a network on a data set.

    Where every camera is the centre of its tile by definition, or the size of tiles is not known,
    metres mean nothing and only ranks are measured.
    """
    run = _Run(data, network, options, progress)
    count = min(options.limit or len(data.positive), len(data.positive))
    blocks = []
    for start in range(0, count, _BLOCK):
        progress("locating views", start, count)
        blocks.append(run.block(start, min(start + _BLOCK, count)))
    progress("locating views", count, count)
    share = count / len(data.positive)
    return run.accuracy(_joined(blocks), run.strangers(options.strangers, share, progress))


@dataclass(frozen=True)
class _Block:
    """What was found for some views, a row each, see ``Accuracy``.

    What has ``[n, L + 1]`` columns holds the depths, and the paper's way last.
    """

    rank: IntArray
    rank_of_others: IntArray
    near: BoolArray
    covers: BoolArray
    ranks: IntArray
    winner_covers: BoolArray
    errors_m: FloatArray
    given_m: FloatArray
    fused: FloatArray


@dataclass(frozen=True)
class _Candidates:
    """Candidates of some views, best retrieved first, ``[n, K]``, and winners ``[n, L + 1]``.

    ``decoded`` holds the logits of each view's tiles that were decoded to rank them.
    """

    tiles: IntArray
    scores: Float32Array
    winners: IntArray
    decoded: list[dict[int, Float32Array]]


class _Run:
    """What stays the same for all views of a benchmark, and the clock."""

    def __init__(
        self, data: EvalSet, network: Network, options: BenchmarkOptions, progress: Progress
    ) -> None:
        self._data = data
        self._network = network
        self._clock = Stopwatch()
        self._match_seconds: dict[int, float] = {}
        size, card, settings = len(data.tile_side_m), network.card, options.settings
        self._settings = settings
        self._subject = Subject(
            data=data.name,
            labels=options.labels,
            model=card.name,
            weights_sha256=card.weights_sha256,
            gallery_size=size,
            depth=min(settings.depth, size),
            metric=options.labels != "centre" and bool(np.isfinite(data.tile_side_m).all()),
        )
        with self._clock.timed("describe tiles"):
            self._store = TileStore(data, network, options.maps_bytes, progress)
        deepest = options.deepest if self._store.kept_levels else settings.depth
        self._depths = _depths(size, settings.depth, deepest)
        self._calibration = (card.calibration or UNCALIBRATED).among(area_m2(data))
        self._placer = Placer(data, self._store, settings, self._calibration, self._clock)

    def block(self, start: int, stop: int) -> _Block:
        """Locate the views ``start ... stop - 1``."""
        views = np.arange(start, stop)
        positive, near = self._data.positive[views], self._data.semi_positive[views]
        with self._clock.timed("describe views"):
            ground = self._network.views(self._data.views(start, stop))
            descriptors = ground.descriptor.float().cpu().numpy()
        with self._clock.timed("search"):
            retrieved = ranks(self._store.descriptors, descriptors, positive, near)
            found = exact_search(self._store.descriptors, descriptors, self._depths[-1])
        with self._clock.timed("match"):
            match = self._store.match(ground.columns[0], found.indices)
        if start == 0 and self._store.kept_levels:
            self._match_seconds = self._time_matching(ground, found.indices[:_TIMED_VIEWS])
        with self._clock.timed("decode"):
            by_depth, decoded = self._reranked(ground, found, match, self._depths)
        asked = [(by_depth[depth], depth) for depth in self._depths]
        scores = by_depth[self._subject.depth]
        asked.append((found.scores + match, min(PAPER_DEPTH, self._subject.gallery_size)))
        places = np.stack([each[:, :depth].argmax(axis=1) for each, depth in asked], axis=1)
        winners = np.take_along_axis(found.indices, places, axis=1)
        after = [
            rank_after(each, found.indices, positive, retrieved.rank, depth)
            for each, depth in asked
        ]
        first = found.indices[:, 0]
        return _Block(
            rank=retrieved.rank,
            rank_of_others=retrieved.rank_of_others,
            near=(first == positive) | (first[:, None] == near).any(axis=1),
            covers=self._covers(views, first),
            ranks=np.stack(after, axis=1),
            winner_covers=np.stack([self._covers(views, tiles) for tiles in winners.T], axis=1),
            **self._places(views, ground, _Candidates(found.indices, scores, winners, decoded)),
        )

    def _reranked(
        self,
        ground: GroundFeatures,
        found: Found,
        match: Float32Array,
        depths: Sequence[int],
    ) -> tuple[dict[int, Float32Array], list[dict[int, Float32Array]]]:
        """Rank candidates ``[n, K]`` as ``locate`` would at each depth.

        Returns:
            Scores by depth ``[n, K]``, of which those beyond the depth mean nothing, and the logits
            of each view's tiles that any depth decodes.
        """
        matched = found.scores + np.float32(self._calibration.match_weight) * match
        scores = {depth: matched.copy() for depth in depths}
        decoded: list[dict[int, Float32Array]] = [{} for _ in matched]
        weight = self._calibration.presence_weight
        for row, candidates in enumerate(found.indices if weight else []):
            closer = {
                depth: np.argsort(-matched[row, :depth], kind="stable")[
                    : self._settings.decoded_tiles
                ]
                for depth in depths
            }
            union = np.unique(np.concatenate(list(closer.values())))
            columns = tuple(level[row] for level in ground.columns)
            logits = self._store.decode(columns, candidates[union])
            decoded[row] = dict(zip(candidates[union].tolist(), logits, strict=True))
            known = presence_of(len(candidates), union, logits)
            for depth, places in closer.items():
                presence = np.full(depth, np.nan)
                presence[places] = known[places]
                own = matched[row, :depth].astype(np.float64)
                scores[depth][row, :depth] = with_presence(own, presence, weight)
        return scores, decoded

    def _places(
        self, views: IntArray, ground: GroundFeatures, candidates: _Candidates
    ) -> dict[str, FloatArray]:
        """Return the metric columns of a block; NaN where metres mean nothing."""
        errors_m = np.full(candidates.winners.shape, np.nan)
        given_m = np.full(len(views), np.nan)
        fused = np.full((len(views), _FUSED_COLUMNS), np.nan)
        for row, view in enumerate(views if self._subject.metric else []):
            columns = tuple(level[row] for level in ground.columns)
            query = ViewCandidates(
                int(view),
                columns,
                candidates.tiles[row],
                candidates.scores[row],
                candidates.decoded[row],
            )
            placed = self._placer.place(query, candidates.winners[row])
            errors_m[row], given_m[row], fused[row] = placed.arg_max_m, placed.given_m, placed.fused
        return {"errors_m": errors_m, "given_m": given_m, "fused": fused}

    def strangers(self, views: EvalSet | None, share: float, progress: Progress) -> Fused | None:
        """Locate a share of the views that do not belong here, as if they might."""
        if views is None or not self._subject.metric:
            return None
        placer = Placer(views, self._store, self._settings, self._calibration, self._clock)
        count = round(share * len(views.positive))
        rows = []
        for start in range(0, count, _BLOCK):
            progress("locating strangers", start, count)
            stop = min(start + _BLOCK, count)
            ground = self._network.views(views.views(start, stop))
            descriptors = ground.descriptor.float().cpu().numpy()
            found = exact_search(self._store.descriptors, descriptors, self._subject.depth)
            match = self._store.match(ground.columns[0], found.indices)
            depths = [self._subject.depth]
            by_depth, decoded = self._reranked(ground, found, match, depths)
            scores = by_depth[self._subject.depth]
            for row in range(stop - start):
                columns = tuple(level[row] for level in ground.columns)
                query = ViewCandidates(
                    start + row, columns, found.indices[row], scores[row], decoded[row]
                )
                rows.append(placer.place(query, found.indices[row][:1]).fused)
        progress("locating strangers", count, count)
        return Fused(*np.array(rows).reshape(count, _FUSED_COLUMNS).T)

    def accuracy(self, found: _Block, strangers: Fused | None) -> Accuracy:
        """Return all that was measured."""
        *by_depth, paper = (
            Reranked(*columns)
            for columns in zip(found.ranks.T, found.winner_covers.T, found.errors_m.T, strict=True)
        )
        return Accuracy(
            subject=self._subject,
            retrieved=Ranks(found.rank, found.rank_of_others),
            near=found.near,
            covers=found.covers,
            paper=paper,
            by_depth=dict(zip(self._depths, by_depth, strict=True)),
            given_m=found.given_m,
            fused=Fused(*found.fused.T),
            strangers=strangers,
            seconds=dict(self._clock.seconds),
            match_seconds=self._match_seconds,
        )

    def _covers(self, views: IntArray, tiles: IntArray) -> BoolArray:
        """Return whether each tile shows the camera of its view ``[n]``."""
        reach_m = np.abs(self._data.offset_m(views, tiles)).max(axis=1)
        return np.asarray(reach_m <= self._data.tile_side_m[tiles] / 2)

    def _time_matching(self, ground: GroundFeatures, tiles: IntArray) -> dict[int, float]:
        """Return the seconds that matching one view takes at each depth, as a program would."""
        seconds = {}
        for depth in self._depths:
            each = []
            for row, candidates in enumerate(tiles):
                start = time.perf_counter()
                self._store.match(ground.columns[0][row : row + 1], candidates[None, :depth])
                each.append(time.perf_counter() - start)
            seconds[depth] = float(np.median(each))
        return seconds


def _depths(size: int, asked: int, deepest: int) -> list[int]:
    """Return the depths of the curve that a gallery of ``size`` tiles has."""
    last = min(deepest, size)
    wanted = {min(PAPER_DEPTH, size), min(asked, size), last}
    return sorted(wanted | {depth for depth in CURVE_DEPTHS if depth <= last})


def _joined(blocks: list[_Block]) -> _Block:
    """Return the rows of all blocks."""
    names = [item.name for item in fields(_Block)]
    return _Block(**{n: np.concatenate([getattr(block, n) for block in blocks]) for n in names})
