"""One view of a data set from its scored candidates to errors in metres."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass

import numpy as np
from torch import Tensor

from cvgl_core.evaluation.accuracy import NEAR_M
from cvgl_core.evaluation.errors import arg_max_errors_m, errors_m
from cvgl_core.evaluation.evalset import EvalSet
from cvgl_core.evaluation.stopwatch import Stopwatch
from cvgl_core.evaluation.store import TileStore
from cvgl_core.localization.estimate import (
    Place,
    distances,
    fused_mode,
    mass_within,
    radius_holding,
)
from cvgl_core.localization.posterior import MassField, Vote, fuse, tile_probabilities
from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.types import Calibration, Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class ViewCandidates:
    """A view and its candidates, best retrieved first.

    Attributes:
        view: its number.
        columns: its detailed descriptors, ``[C_l]`` per level.
        tiles: candidates ``[K]``.
        scores: of the candidates after re-ranking ``[K]``.
        decoded: logits of the camera by tile, of those that were decoded for that.
    """

    view: int
    columns: tuple[Tensor, ...]
    tiles: IntArray
    scores: Float32Array
    decoded: Mapping[int, Float32Array]


@dataclass(frozen=True)
class FusedPlace:
    """The mode of the posterior and its figures, in the order of ``accuracy.Fused``."""

    error_m: float
    tile_probability: float
    probability: float
    radius_50_m: float
    radius_90_m: float


@dataclass(frozen=True)
class Placed:
    """Errors of one view.

    Attributes:
        arg_max_m: of the arg-max on each tile asked for ``[L]``.
        given_m: of the arg-max on the right tile.
        fused: figures of the posterior, ``[5]``.
    """

    arg_max_m: FloatArray
    given_m: float
    fused: FloatArray


class Placer:
    """Decodes what a view's answers need, and measures the answers."""

    def __init__(
        self,
        data: EvalSet,
        store: TileStore,
        settings: LocalizeSettings,
        calibration: Calibration,
        clock: Stopwatch,
    ) -> None:
        self._data = data
        self._store = store
        self._settings = settings
        self._calibration = calibration
        self._clock = clock

    def place(self, query: ViewCandidates, winners: IntArray) -> Placed:
        """Locate one view.

        Args:
            query: the view and its candidates.
            winners: tiles whose arg-max is asked for ``[L]``.
        """
        order = np.argsort(-query.scores[: self._settings.depth], kind="stable")
        shares = tile_probabilities(query.scores[order].astype(np.float64), self._calibration).tiles
        named = np.arange(len(order)) < self._settings.top_k
        decoded = query.tiles[order][named | (shares >= self._settings.decode_probability)]
        given = int(self._data.positive[query.view])
        tiles = np.unique(np.concatenate([[given], winners, decoded]))
        with self._clock.timed("decode"):
            missing = np.array([t for t in tiles.tolist() if t not in query.decoded], np.int64)
            logits = self._store.decode(query.columns, missing)
            known = {**query.decoded, **dict(zip(missing.tolist(), logits, strict=True))}
        with self._clock.timed("fuse"):
            heatmaps = np.stack([known[tile] for tile in tiles.tolist()])
            found_m = arg_max_errors_m(self._data, query.view, tiles, heatmaps)
            chosen = [known[tile] if tile in decoded else None for tile in query.tiles[order]]
            fused = self._fused(query.view, query.tiles[order], shares, chosen)
        return Placed(
            found_m[np.searchsorted(tiles, winners)],
            float(found_m[np.searchsorted(tiles, given)]),
            np.array(astuple(fused)),
        )

    def _fused(
        self,
        view: int,
        tiles: IntArray,
        shares: FloatArray,
        heatmaps: list[Float32Array | None],
    ) -> FusedPlace:
        """Fuse all candidates, best first; what was not decoded is spread evenly over its tile."""
        side_px = self._store.tile_px
        flat = np.broadcast_to(np.float32(0), (side_px, side_px))
        corners = self._data.corner_px[tiles]
        votes = [
            Vote(int(row), int(col), float(share), flat if heatmap is None else heatmap)
            for (row, col), share, heatmap in zip(corners, shares, heatmaps, strict=True)
        ]
        cell_m = float(self._data.tile_side_m[tiles[0]]) / side_px
        field = fuse(votes, cell_m, self._calibration.heatmap_temperature)
        place = fused_mode(field, votes, self._settings.smoothing_m)
        at_px = np.array([-place.y_m, place.x_m]) / cell_m - corners
        nearest = int(np.abs(at_px - side_px / 2).max(axis=1).argmin())
        error_m = errors_m(self._data, view, tiles[[nearest]], at_px[[nearest]], side_px)
        return _with_figures(field, place, float(error_m[0]), float(shares[0]))


def _with_figures(
    field: MassField, place: Place, error_m: float, tile_probability: float
) -> FusedPlace:
    """Return an estimate with its probability and radii, as ``Estimate`` has them."""
    cells = field.cells()
    away_m = distances(cells, field.cell_m, place)
    return FusedPlace(
        error_m,
        tile_probability,
        mass_within(cells.mass, away_m, NEAR_M),
        radius_holding(cells.mass, away_m, 0.5, field.cell_m),
        radius_holding(cells.mass, away_m, 0.9, field.cell_m),
    )
