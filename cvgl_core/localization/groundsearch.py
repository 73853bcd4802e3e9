"""Looking for a photo's ground in the imagery of tiles: every heading, every place.

The imagery is searched at about a metre a pixel, in *coarse cells*: some cells of the lattice that
the tiles share, along its lines. A place belongs to the tile in whose middle the middle of the
photo's ground lies. Scores are counted in standard deviations of those of all places and headings,
nearly all of which are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from cvgl_core.localization.ports import PicturedIndex
from cvgl_core.localization.posterior import Vote
from cvgl_core.localization.texture import SearchArea, Texture, texture_of
from cvgl_core.photo.overhead import GroundPicture
from cvgl_core.types import Bounds, Float32Array, IntArray, Progress

_COARSE_M = 1.125
_BLOCK_TILES = 8
_SAMPLED = 5
_SHOWN = 0.99


@dataclass(frozen=True)
class Turned:
    """A photo's ground under one heading.

    Attributes:
        roll: number of the heading among all.
        texture: of its ground, in coarse cells.
        to_camera_m: from the middle cell, which scores are for, to the point under the camera,
            east and north.
        bonus: what is known of the heading beforehand, in standard deviations of noise.
    """

    roll: int
    texture: Texture
    to_camera_m: tuple[float, float]
    bonus: float = 0.0

    @classmethod
    def of(cls, roll: int, picture: GroundPicture, bonus: float = 0.0) -> Turned:
        """Return what is looked for, of a photo's ground in coarse cells, north up."""
        middle_px = len(picture.rgb) // 2 + 0.5
        u_px, v_px = picture.camera_uv_px
        gsd_m = picture.gsd_m_per_px
        to_camera_m = ((u_px - middle_px) * gsd_m, (middle_px - v_px) * gsd_m)
        return cls(roll, texture_of(picture.rgb, picture.seen), to_camera_m, bonus)


@dataclass(frozen=True)
class Match:
    """A tile under its best heading, in standard deviations of noise.

    Attributes:
        tile: its index.
        turned: the photo under that heading.
        scores: of all places in the middle of the tile ``[c, c]``, coarse cells.
        roll_scores: of the best place under every heading ``[R]``; the least where none was tried.
    """

    tile: int
    turned: Turned
    scores: Float32Array
    roll_scores: Float32Array

    @property
    def score(self) -> float:
        """Of the best heading and place."""
        return float(self.roll_scores.max())


@dataclass(frozen=True)
class Noise:
    """The middle and the standard deviation of scores, of which a few may be right."""

    middle: float
    spread: float

    @classmethod
    def of(cls, scores: Float32Array) -> Noise:
        """Return the median, and the median of what is off by it as a standard deviation."""
        middle = float(np.median(scores)) if len(scores) else 0.0
        away = float(np.median(np.abs(scores - middle))) if len(scores) else 0.0
        return cls(middle, max(1.4826 * away, 1e-6))


class GroundSearch:
    """Searches the tiles of the smallest size of an index.

    Attributes:
        gsd_m: side of a coarse cell.
        times: cells of the lattice in one.
    """

    def __init__(self, index: PicturedIndex, cell_m: float) -> None:
        self._index = index
        self._cell_m = cell_m
        self.times = max(1, round(_COARSE_M / cell_m))
        self.gsd_m = cell_m * self.times

    def matches(
        self, turned: Sequence[Turned], tiles: IntArray, rolls: int, progress: Progress
    ) -> tuple[list[Match], Noise]:
        """Return what each tile's best heading says, best first, and the noise.

        Args:
            turned: the photo under the headings to try.
            tiles: to look at.
            rolls: number of headings that there are.
            progress: told of the neighbourhoods searched.
        """
        found: dict[int, list[Float32Array]] = {int(tile): [] for tile in tiles}
        sampled: list[Float32Array] = []
        blocks = list(self._blocks(tiles))
        progress("matching", 0, len(blocks))
        for done, block in enumerate(blocks, start=1):
            for scores, inside in self._searched(block, turned):
                sampled.append(scores[np.isfinite(scores)][::_SAMPLED])
                for tile, part in zip(block, inside, strict=True):
                    found[int(tile)].append(part)
            progress("matching", done, len(blocks))
        noise = Noise.of(np.concatenate(sampled))
        matches = [
            _match(tile, turned, (np.stack(each) - noise.middle) / noise.spread, rolls)
            for tile, each in found.items()
        ]
        return sorted(matches, key=lambda match: (-match.score, match.tile)), noise

    def closer(self, match: Match, turned: Sequence[Turned], noise: Noise) -> Match:
        """Return a match whose places are those of the best of other headings and heights."""
        tile = np.array([match.tile])
        parts = [inside[0] for _, inside in self._searched(tile, turned)]
        scores = (np.stack(parts) - noise.middle) / noise.spread
        best = _match(match.tile, turned, scores, len(match.roll_scores))
        return Match(match.tile, best.turned, best.scores, match.roll_scores)

    def vote(self, match: Match, share: float) -> Vote:
        """Return what a tile says of the point under the camera, on the cells of the lattice."""
        tops, lefts = self.corners(np.array([match.tile]))
        east_m, north_m = match.turned.to_camera_m
        row = int(tops[0]) * self.times - round(north_m / self._cell_m)
        col = int(lefts[0]) * self.times + round(east_m / self._cell_m)
        side = len(match.scores) * self.times
        fine = cv2.resize(match.scores, (side, side), interpolation=cv2.INTER_CUBIC)
        return Vote(row, col, share, np.asarray(fine, np.float32))

    def corners(self, tiles: IntArray) -> tuple[IntArray, IntArray]:
        """Return rows and columns of the north-west corners of tiles' middles, coarse cells."""
        grid = self._index.grid
        border_m = (grid.tile_size_m - grid.stride_m) / 2
        tops = np.rint((self._index.rows[tiles] * grid.stride_m + border_m) / self.gsd_m)
        lefts = np.rint((self._index.cols[tiles] * grid.stride_m + border_m) / self.gsd_m)
        return tops.astype(np.int64), lefts.astype(np.int64)

    def _blocks(self, tiles: IntArray) -> Iterator[IntArray]:
        """Yield tiles of one neighbourhood each."""
        places = np.stack([self._index.rows[tiles], self._index.cols[tiles]])
        blocks = (places - places.min(axis=1, keepdims=True)) // _BLOCK_TILES
        _, block_of = np.unique(blocks, axis=1, return_inverse=True)
        for number in range(int(block_of.max()) + 1):
            yield tiles[block_of.ravel() == number]

    def _searched(
        self, tiles: IntArray, turned: Sequence[Turned]
    ) -> Iterator[tuple[Float32Array, list[Float32Array]]]:
        """Yield, for each heading, all scores around tiles and those in the middle of each."""
        largest = max(len(one.texture.seen) for one in turned)
        side, margin = math.ceil(self._index.grid.stride_m / self.gsd_m), largest // 2 + 1
        tops, lefts = self.corners(tiles)
        top, left = int(tops.min()) - margin, int(lefts.min()) - margin
        bottom, right = int(tops.max()) + side + margin, int(lefts.max()) + side + margin
        area = SearchArea(self._imagery(top, left, bottom, right), largest)
        for one in turned:
            scores = area.scores(one.texture)
            yield (
                scores,
                [
                    scores[row - top : row - top + side, col - left : col - left + side]
                    for row, col in zip(tops.tolist(), lefts.tolist(), strict=True)
                ],
            )

    def _imagery(self, top: int, left: int, bottom: int, right: int) -> Texture:
        """Return the texture of a rectangle of coarse cells."""
        gsd_m, inset_m = self.gsd_m, self._cell_m / 2  # rounding must not add a row or a column
        bounds = Bounds(
            left * gsd_m + inset_m,
            -bottom * gsd_m + inset_m,
            right * gsd_m - inset_m,
            -top * gsd_m - inset_m,
        )
        rgb, valid = self._index.mosaic(bounds)
        size = (right - left, bottom - top)
        small = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        share = cv2.resize(valid.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        return texture_of(small, share > _SHOWN)


def _match(tile: int, turned: Sequence[Turned], scores: Float32Array, rolls: int) -> Match:
    """Return the best heading of a tile's scores ``[T, c, c]``; what is not known counts least."""
    known = np.nan_to_num(scores, nan=float(np.nanmin(scores, initial=0.0)))
    known += np.array([one.bonus for one in turned], np.float32)[:, None, None]
    by_heading = known.max(axis=(1, 2))
    best = int(by_heading.argmax())
    roll_scores = np.full(rolls, by_heading.min(), np.float32)
    np.maximum.at(roll_scores, [one.roll for one in turned], by_heading)
    return Match(tile, turned[best], known[best], roll_scores)
