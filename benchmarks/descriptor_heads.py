"""Trains what makes a network's descriptors, on features of its frozen trunk that are kept.

A whole network takes an hour to train on a processor, its last layers (a projection, the aggregator
and the azimuth part of each branch) a minute. With batches drawn, augmented and encoded once and
shown to every row in the same order, rows differ by their losses alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from cvgl_core.data.citypack import CityPack
from cvgl_core.data.pairs import PairBatch
from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.models import UnifyGeo, create_model
from cvgl_core.models.features import AerialFeatures, GroundFeatures
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.device import autocast_for
from cvgl_core.training.loop import Trainer
from cvgl_core.training.step import LossStep
from cvgl_core.training.world import World
from cvgl_core.types import Float32Array, UInt8Array

_CHUNK = 32
_FIELDS = ("ground", "aerial", "target_px", "same_place", "covers", "apart_m", "place")


class Encoder:
    """A network up to the maps that its descriptors are made of, frozen."""

    def __init__(self, model: UnifyGeo) -> None:
        self._model = model.eval()
        self._card = model.card()

    @torch.inference_mode()
    def views(self, images: Tensor) -> Tensor:
        """Return the maps of normalised strips ``[B, C, h, w]``, half precision."""
        return self._maps(self._model.ground, images)

    @torch.inference_mode()
    def tiles(self, images: Tensor) -> Tensor:
        """Return the maps of normalised tiles."""
        return self._maps(self._model.aerial, images)

    def city(self, pack: CityPack) -> tuple[Tensor, Tensor]:
        """Return the maps of a city's covered views and of its tiles."""
        grid = CityGrid.of(pack, self._card.aerial_px)
        strips = pack.ground[grid.covered()[0]]
        tiles = grid.cut(np.arange(len(grid.origins_px)))
        views = torch.cat([self.views(self._normal(part)) for part in _chunks(strips)])
        return views, torch.cat([self.tiles(self._normal(part)) for part in _chunks(tiles)])

    def batch(self, batch: PairBatch) -> PairBatch:
        """Return a normalised batch with maps in place of pixels, targets in positions of them."""
        tiles = self.tiles(batch.aerial)
        share = tiles.shape[-1] / batch.aerial.shape[-1]
        return replace(
            batch,
            ground=self.views(batch.ground),
            aerial=tiles,
            target_px=batch.target_px * share,
        )

    def _maps(self, branch: Any, images: Tensor) -> Tensor:
        with autocast_for("auto", images.device):
            maps: Tensor = branch.semantic_head[0](branch.trunk(images)[2])
        return maps.half()

    def _normal(self, pixels: UInt8Array) -> Tensor:
        mean, std = (
            torch.tensor(values).view(3, 1, 1)
            for values in (self._card.mean_rgb, self._card.std_rgb)
        )
        images = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255.0
        return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def kept_batches(
    config: TrainConfig, encoder: Encoder, count: int, folder: Path
) -> list[PairBatch]:
    """Return the first batches of a configuration as maps, made now or before."""
    missing = [number for number in range(count) if not (folder / f"{number}.npz").exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        trainer = Trainer(config)
        with ExitStack() as stack:
            trainer.source.open(stack)
            for number in range(count):
                batch = trainer.source.draw()
                if number in missing:
                    maps = encoder.batch(batch)
                    arrays = {name: getattr(maps, name).numpy() for name in _FIELDS}
                    np.savez(folder / f"{number}.npz", **arrays)
    return [_read(folder / f"{number}.npz") for number in range(count)]


def _read(path: Path) -> PairBatch:
    with np.load(path, allow_pickle=False) as stored:
        return PairBatch(**{name: torch.from_numpy(stored[name]) for name in _FIELDS})


class Heads(nn.Module):
    """The last layers of a network's descriptors, in the place of the network."""

    def __init__(self, model: UnifyGeo, fresh: bool) -> None:
        """Take over a network's layers; ``fresh`` gives them new random weights."""
        super().__init__()
        self.model = model
        for branch in (model.ground, model.aerial):
            cast(Any, branch).semantic_head[0] = nn.Identity()
        if fresh:
            new = create_model(model.config.name).state_dict()
            for name, value in model.state_dict().items():
                if any(part in name for part in ("semantic_head.1", "aggregator", "azimuth")):
                    value.copy_(new[name])

    def forward_ground(self, maps: Tensor, visible: Tensor | None = None) -> GroundFeatures:
        """Describe views from their maps."""
        model = self.model
        found = model.ground.describe(maps.float(), model.ground_azimuth, visible)
        return GroundFeatures(found, (), model.config.columns)

    def forward_aerial(self, maps: Tensor) -> AerialFeatures:
        """Describe tiles from their maps."""
        return AerialFeatures(self.model.describe_tiles(maps.float()), ())

    @torch.inference_mode()
    def scores(self, views: Tensor, tiles: Tensor) -> Float32Array:
        """Return the cosines of a city's views with its tiles ``[Q, N]``."""
        self.eval()
        asked = [self.forward_ground(part).descriptor for part in views.split(_CHUNK)]
        found = [self.forward_aerial(part).descriptor for part in tiles.split(_CHUNK)]
        return np.asarray((torch.cat(asked) @ torch.cat(found).T).numpy(), np.float32)


class Replay:
    """Shows kept batches again and again, each pass in an order of its own."""

    def __init__(self, batches: Sequence[PairBatch], seed: int) -> None:
        self._batches = batches
        self._rng = np.random.default_rng(seed)
        self._order: list[int] = []

    def draw(self) -> PairBatch:
        """Return the next batch."""
        if not self._order:
            self._order = self._rng.permutation(len(self._batches)).tolist()
        return self._batches[self._order.pop()]

    def describe(self) -> str:
        """Say how many there are."""
        return f"{len(self._batches)} batches"


def trained_heads(config: TrainConfig, batches: Sequence[PairBatch], fresh: bool) -> Heads:
    """Train the heads as configured; the seed decides fresh weights and the order of batches."""
    trainer = Trainer(config)
    heads = Heads(trainer.model, fresh)
    trainer.source = cast(Any, Replay(batches, config.run.seed))
    trainer._losses = LossStep(cast(Any, heads), trainer.loss, World())
    for _ in trainer.steps():
        pass
    return heads


def _chunks(pixels: UInt8Array) -> Iterator[UInt8Array]:
    for start in range(0, len(pixels), _CHUNK):
        yield pixels[start : start + _CHUNK]
