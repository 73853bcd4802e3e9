"""Where batches come from: one protocol, and the source that photographs simulated cities."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cvgl_core.data.citypack import CityPack, CitySpec
from cvgl_core.data.pairs import PairBatch, gather
from cvgl_core.data.sampler import BatchPlan, BatchSampler, BatchSettings
from cvgl_core.errors import SettingsError
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.producer import CityProducer, training_specs
from cvgl_core.training.world import World
from cvgl_core.types import IntArray, ModelCard, Progress, no_progress

_POLL_SECONDS = 2.0
_LOOK_EVERY = 20


Prepare = Callable[[PairBatch, torch.Generator], PairBatch]
"""Augments and normalises a batch."""


class PairSource(Protocol):
    """Endless batches of pairs in an order that only a seed and the state decide."""

    def open(self, stack: ExitStack) -> None:
        """Start what is needed; ``stack`` ends it."""

    def draw(self) -> PairBatch:
        """Return this process's share of the next batch, augmented and normalised.

        The masks are those of the whole batch, over all processes.
        """

    @property
    def pairs(self) -> int:
        """How many pairs there are."""

    @property
    def places(self) -> int:
        """How many places batches number."""

    @property
    def epochs(self) -> float:
        """Passes over all pairs so far."""

    def state(self) -> dict[str, Tensor]:
        """Return what decides all batches to come."""

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state`` was taken."""

    def describe(self) -> str:
        """Say in a few words where it stands."""

    @property
    def record(self) -> dict[str, str]:
        """What a model card should say about the material."""


class CitySource:
    """Pairs from simulated cities, which another process renders meanwhile."""

    def __init__(
        self,
        config: TrainConfig,
        card: ModelCard,
        world: World,
        prepare: Prepare,
        progress: Progress = no_progress,
    ) -> None:
        self._config = config
        self._card = card
        self._world = world
        self._prepare = prepare
        self._progress = progress
        self._specs = training_specs(config.data, card)
        if not self._specs:
            raise SettingsError("data.seeds and data.osm are both empty: name at least one city")
        self._rng = np.random.default_rng(config.run.seed)
        self._augmentation_rng = torch.Generator().manual_seed(config.run.seed)
        self._lattice = CityLattice(self._specs, card.tile_size_m)
        self._sampler = BatchSampler(_batch_settings(config, card), self._rng)
        self._producer = CityProducer(self._specs, config.data.cache)
        self._packs: list[CityPack] = []
        self._drawn = 0

    def open(self, stack: ExitStack) -> None:
        """Render what is missing; wait for the first cities, or for all if there are others.

        Several processes must draw from the same cities, so they wait until all are rendered.
        """
        if self._world.leads:
            stack.enter_context(self._producer)
            self._wait()
        if self._world.size > 1:
            self._world.agree(torch.zeros(1))
        self._packs = self._producer.ready()

    def draw(self) -> PairBatch:
        """Return the next batch, from the cities that are rendered by now."""
        if self._drawn % _LOOK_EVERY == 0:
            self._packs = self._producer.ready()
        self._drawn += 1
        plan = self._sampler.draw(self._packs)
        batch = gather(self._packs, _part(plan, self._world), self._card.aerial_px)
        place = self._lattice.places(self._packs, plan.city, plan.camera)
        batch = replace(batch, place=torch.from_numpy(place))
        rng = self._augmentation_rng
        if self._world.size > 1:  # each process its own, and none to be kept in the checkpoint
            rng = generator(self._config.run.seed, self._drawn, self._world.rank)
        return self._prepare(batch, rng)

    @property
    def pairs(self) -> int:
        """Views of all cities."""
        return sum(spec.views for spec in self._specs)

    @property
    def places(self) -> int:
        """Squares of the lattice over all cities."""
        return self._lattice.count

    @property
    def epochs(self) -> float:
        """Views drawn over views there are."""
        return self._drawn * self._config.batch.size / self.pairs

    def state(self) -> dict[str, Tensor]:
        """Return the states of both generators and the number of batches."""
        text = json.dumps({"rng": self._rng.bit_generator.state, "drawn": self._drawn})
        return {
            "json": torch.tensor(list(text.encode()), dtype=torch.uint8),
            "augmentation_rng": self._augmentation_rng.get_state(),
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on where ``state`` was taken."""
        facts = json.loads(bytes(state["json"].tolist()))
        self._rng.bit_generator.state = facts["rng"]
        self._drawn = int(facts["drawn"])
        self._augmentation_rng.set_state(state["augmentation_rng"])

    def describe(self) -> str:
        """Say how many cities there are."""
        return f"{len(self._packs)} cities"

    @property
    def record(self) -> dict[str, str]:
        """Names of the cities."""
        return {"cities": ", ".join(spec.name for spec in self._specs)}

    def _wait(self) -> None:
        data = self._config.data
        wanted = len(self._specs) if self._world.size > 1 else data.start_after_cities
        while len(packs := self._producer.ready()) < wanted and not self._producer.finished:
            self._progress("waiting for the first cities", len(packs), wanted)
            time.sleep(_POLL_SECONDS)


class CityLattice:
    """Numbers the squares, as large as a tile, in which cameras stand."""

    def __init__(self, specs: Sequence[CitySpec], side_m: float) -> None:
        self._number = {spec.name: number for number, spec in enumerate(specs)}
        self._side_m = side_m
        self._across = 1 + int(max(spec.size_m for spec in specs) // side_m)
        self.count = len(specs) * self._across**2

    def places(self, packs: Sequence[CityPack], city: IntArray, camera: IntArray) -> IntArray:
        """Return the square of each camera ``[B]``, by its city's place in ``packs``."""
        number = np.array([self._number[packs[c].name] for c in city], np.int64)
        xy_m = [packs[c].xy_m[k] for c, k in zip(city, camera, strict=True)]
        column, row = np.clip(np.array(xy_m) // self._side_m, 0, self._across - 1).T.astype(
            np.int64
        )
        return np.asarray((number * self._across + row) * self._across + column)


def generator(*seed: int) -> torch.Generator:
    """Return a generator that all of the numbers decide."""
    state = np.random.SeedSequence(seed).generate_state(1)
    return torch.Generator().manual_seed(int(state[0]))


def _part(plan: BatchPlan, world: World) -> BatchPlan:
    """Return the cameras and tiles of this process; the masks stay those of the whole batch."""
    if world.size == 1:
        return plan
    part = world.share(len(plan.city))
    names = ("city", "camera", "origin_px", "target_px", "span_px")
    return replace(plan, **{name: getattr(plan, name)[part] for name in names})


def _batch_settings(config: TrainConfig, card: ModelCard) -> BatchSettings:
    how = config.batch
    return BatchSettings(
        how.size,
        card.aerial_px,
        how.offset_m / card.gsd_m_per_px,
        how.grouped_fraction,
        how.group_size,
        how.neighbour_min_m,
        how.neighbour_max_m,
        how.wide_fraction,
        how.wide_offset_m / card.gsd_m_per_px,
        how.areas,
        how.area_radius_m,
        how.tile_scales,
    )
