"""Batches from a listed data set: planned an epoch at a time, read ahead by threads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from cvgl_core.data.hierarchy import HierarchyRules, areas_of, hierarchical_batches
from cvgl_core.data.mining import BatchRules, epoch_batches, most_similar
from cvgl_core.data.neighbours import nearest_places
from cvgl_core.data.pairs import PairBatch
from cvgl_core.data.pairset import PairImages, PairSet, offsets_m
from cvgl_core.errors import DatasetError, SettingsError
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.reader import PairReader, Pixels, ReadRules
from cvgl_core.training.source import Prepare, generator
from cvgl_core.training.world import World
from cvgl_core.types import BoolArray, Float32Array, IntArray, ModelCard, UInt8Array

log = logging.getLogger(__name__)

_NO_MASK = torch.zeros(0, 0, dtype=torch.bool)

Describe = Callable[[PairImages, IntArray, IntArray], tuple[Tensor, Tensor]]
"""Descriptors of the views and of the tiles with the given numbers, L2-normalised."""


class ListedSource:
    """Pairs of a data set, each at most once an epoch, with those alike in one batch.

    Neighbours are the nearest tiles until similarity is mined for the first time (Sample4Geo), or
    nobody where the data set gives no coordinates. A pair whose image cannot be read is replaced
    by a random one, and counted.
    """

    def __init__(
        self,
        pairs: PairSet,
        config: TrainConfig,
        card: ModelCard,
        world: World,
        describe: Describe,
        prepare: Prepare,
    ) -> None:
        if config.pairs is None:
            raise SettingsError("pairs: the section is missing")
        if len(pairs.view_paths) < config.batch.size:
            raise DatasetError(
                f"{pairs.name}: {len(pairs.view_paths)} pairs do not fill one batch of "
                f"{config.batch.size}; lower batch.size"
            )
        self._how, self._seed = config.pairs, config.run.seed
        self._rules = BatchRules(config.batch.size, self._how.neighbours, self._how.misfits)
        self._pairs = pairs
        self._images = PairImages(pairs, card)
        self._reader = PairReader(
            self._images,
            ReadRules(self._how.readers, self._how.unreadable_limit, self._seed),
            self._finish,
        )
        self._tile_px = card.aerial_px
        self._world = world
        self._describe = describe
        self._prepare = prepare
        self._tiles, self._tile = np.unique(pairs.positive, return_inverse=True)
        self._hierarchy = HierarchyRules(
            config.batch.size, self._how.per_place, self._how.areas, self._how.area_repeats
        )
        places_deg = pairs.tile_lonlat_deg[self._tiles]
        self._area = areas_of(places_deg, self._how.area_reach_m) if self._how.per_place else None
        self._epoch = -1
        self._first_planned = 0
        self._plans: list[IntArray] = []
        self._next = 0

    def open(self, stack: ExitStack) -> None:
        """Start the threads that read images."""
        self._reader.open(stack)
        if self._epoch >= 0:
            self._read_on()

    def draw(self) -> PairBatch:
        """Return the next batch; at the end of an epoch, plan the next one first.

        Raises:
            DatasetError: too many images cannot be read; names the last.
        """
        if self._epoch < 0 or self._next == len(self._plan):
            self._begin_epoch()
        own, batch = self._reader.next()
        self._next += 1
        whole = self._world.gather(torch.from_numpy(own)).numpy()
        covers, same_place, apart_m = self._masks(whole)
        return replace(
            batch,
            covers=torch.from_numpy(covers),
            same_place=torch.from_numpy(same_place),
            apart_m=torch.from_numpy(apart_m),
            place=torch.from_numpy(self._tile[whole]),
        )

    @property
    def pairs(self) -> int:
        """Pairs that are listed and on disk."""
        return len(self._tile)

    @property
    def places(self) -> int:
        """Tiles with a view."""
        return len(self._tiles)

    @property
    def epochs(self) -> float:
        """Finished epochs and the share of the present one."""
        return max(0, self._epoch) + (self._next / len(self._plan) if self._plans else 0.0)

    def state(self) -> dict[str, Tensor]:
        """Return the plans in use, the place in them, and which pairs could not be read."""
        lengths = [len(plan) for plan in self._plans]
        return {
            "plans": torch.from_numpy(np.concatenate(self._plans).astype(np.int32)),
            "lengths": torch.tensor(lengths),
            "place": torch.tensor([self._first_planned, self._epoch, self._next]),
            "unreadable": torch.tensor(sorted(self._reader.unreadable), dtype=torch.int64),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state`` was taken; only before ``open``."""
        whole = state["plans"].numpy().astype(np.int64)
        ends = np.cumsum(state["lengths"].numpy())[:-1]
        self._plans = np.split(whole, ends)
        self._first_planned, self._epoch, self._next = map(int, state["place"])
        self._reader.unreadable = set(state["unreadable"].tolist())

    def describe(self) -> str:
        """Say which epoch it is and how many pairs could not be read."""
        return f"epoch {self._epoch + 1}, {len(self._reader.unreadable)} pairs unreadable"

    @property
    def record(self) -> dict[str, str]:
        """The data set, its labels and what was left out."""
        left_out = f"{len(self._pairs.skipped)} listed, {len(self._reader.unreadable)} unreadable"
        return {
            "data set": self._pairs.name,
            "labels": self._pairs.labels,
            "left out": left_out,
        }

    @property
    def _plan(self) -> IntArray:
        return self._plans[self._epoch - self._first_planned]

    def _begin_epoch(self) -> None:
        self._epoch += 1
        self._next = 0
        if self._epoch % self._how.mined_every == 0:
            self._first_planned = self._epoch
            neighbours = self._neighbours()
            self._plans = [
                self._planned(neighbours, np.random.default_rng([self._seed, epoch]))
                for epoch in range(self._epoch, self._epoch + self._how.mined_every)
            ]
        if not len(self._plan):
            raise DatasetError(
                f"{self._pairs.name}: no batch of {self._rules.size} pairs on different tiles can "
                "be made; lower batch.size"
            )
        self._read_on()

    def _planned(self, neighbours: IntArray | None, rng: np.random.Generator) -> IntArray:
        """Return the first process's plan: rounding may differ between graphics cards."""
        plan = torch.from_numpy(
            epoch_batches(self._tile, neighbours, self._rules, rng)
            if self._area is None
            else hierarchical_batches(self._tile, self._area, self._hierarchy, rng)
        )
        count = int(self._world.agree(torch.tensor([len(plan)])))
        if len(plan) != count:
            plan = plan.new_zeros((count, self._rules.size))
        return self._world.agree(plan).numpy()

    def _neighbours(self) -> IntArray | None:
        """Return the tiles that are like that of each pair, where batches grow by them."""
        if self._area is not None:
            return None
        return self._nearest() if self._epoch == 0 else self._most_similar()

    def _nearest(self) -> IntArray | None:
        """Return the tiles nearest to that of each pair, or None without coordinates."""
        places = self._pairs.tile_lonlat_deg[self._tiles]
        if not np.isfinite(places).all():
            log.warning("%s: no coordinates; batches are random at first", self._pairs.name)
            return None
        return nearest_places(places, self._how.neighbour_pool)[self._tile]

    def _most_similar(self) -> IntArray:
        """Return the tiles that the network confuses most with that of each pair."""
        log.info("%s: mining similar tiles", self._pairs.name)
        views, tiles = self._describe(self._images, np.arange(len(self._tile)), self._tiles)
        own = torch.from_numpy(self._tile).to(views.device)
        count = min(self._how.neighbour_pool, len(self._tiles) - 1)
        return most_similar(views, tiles, count, own).cpu().numpy()

    def _read_on(self) -> None:
        part = self._world.share(self._rules.size)
        self._reader.start(self._plan, part, self._epoch, self._next)

    def _finish(self, own: IntArray, pixels: list[Pixels], place: tuple[int, ...]) -> PairBatch:
        """Put pixels and targets together and augment them, in a thread; masks come later."""
        views, tiles = (np.stack(images) for images in zip(*pixels, strict=True))
        target_px = torch.from_numpy(
            (self._pairs.camera_uv[own] * self._tile_px).astype(np.float32)
        )
        batch = PairBatch(_to_float(views), _to_float(tiles), target_px, _NO_MASK, _NO_MASK)
        return self._prepare(batch, generator(self._seed, *place, self._world.rank))

    def _masks(self, batch: IntArray) -> tuple[BoolArray, BoolArray, Float32Array]:
        """Return what is known of view ``i`` and tile ``j``, ``[B, B]`` each.

        Whether the tile shows the camera at all, whether in its central quarter, and the metres
        from the camera to its centre. By coordinates: 2 to 28 % of VIGOR's semi-positives do not
        show the camera. Without coordinates nothing is masked but the same tile, and all else is
        infinitely far.
        """
        count = len(batch)
        tiles = self._pairs.positive[batch]
        view, tile = np.repeat(batch, count), np.tile(tiles, count)
        away_m = offsets_m(self._pairs, view, tile).reshape(count, count, 2)
        offset_m = np.abs(away_m).max(axis=2)
        same_tile = tiles[:, None] == tiles[None, :]
        apart_m = np.where(np.isnan(offset_m), np.inf, np.hypot(*away_m.transpose(2, 0, 1)))
        apart_m[same_tile & np.isnan(offset_m)] = 0.0
        half_m = self._pairs.tile_side_m[tiles][None, :] / 2
        other = ~np.eye(count, dtype=bool)
        return (
            other & ((offset_m < half_m) | same_tile),
            other & ((offset_m < half_m / 2) | same_tile),
            apart_m.astype(np.float32),
        )


def _to_float(images: UInt8Array) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255.0
