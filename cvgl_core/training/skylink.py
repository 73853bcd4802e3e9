"""Training of SkyLink's network: three views and the 3D scene in, one encoder out.

A run is a folder as UnifyGeo's are: settings, a checkpoint that is replaced atomically, figures of
held-out places, and at the end the weights. It goes on exactly with ``resume``.
"""

from __future__ import annotations

import json
import logging
import math
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from cvgl_core.data.enriching import Enriched, enriched
from cvgl_core.data.university1652 import load_view, part_folder
from cvgl_core.errors import TrainingError
from cvgl_core.evaluation.describing import PlaceDescriber
from cvgl_core.evaluation.places import place_ranks
from cvgl_core.fsio import write_bytes
from cvgl_core.losses.skylink import PlaceFeatures, SkyLinkLoss, SkyLinkLosses, SkyLinkWeights
from cvgl_core.models import resolve_device
from cvgl_core.models.frozen import FROZEN_INPUT, FrozenEncoder
from cvgl_core.models.scene import SceneEncoder
from cvgl_core.models.skylink import save_skylink
from cvgl_core.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from cvgl_core.training.device import autocast_for
from cvgl_core.training.skylink_config import SkyLinkConfigFile
from cvgl_core.training.skylink_source import (
    PlaceBatch,
    PlaceSource,
    TrainingPlaces,
    training_places,
)
from cvgl_core.training.skylink_start import start_skylink
from cvgl_core.types import IntArray, Progress, no_progress

log = logging.getLogger(__name__)

_TELL_EVERY = 20


@dataclass(frozen=True)
class SkyLinkSummary:
    """What a finished run reports; ``figures`` are shares of the held-out places' photos."""

    weights: Path
    weights_sha256: str
    steps: int
    places: int
    minutes: float
    figures: dict[str, float]


class SkyLinkTrainer:
    """One run; holds what every step needs.

    Raises:
        SettingsError: settings contradict one another, or name no weights to start from.
        DatasetError: the data set cannot be used.
    """

    def __init__(self, config: SkyLinkConfigFile, progress: Progress = no_progress) -> None:
        self.config = config
        self._progress = progress
        self._device = torch.device(resolve_device(config.run.device))
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.run.seed)
        self.model = start_skylink(config.skylink).to(self._device)
        self.scene = SceneEncoder(self.model.descriptor_dim).to(self._device)
        weights = SkyLinkWeights(**config.loss.model_dump(exclude={"label_smoothing"}))
        self.loss = SkyLinkLoss(weights, config.loss.label_smoothing).to(self._device)
        self.places, self._held_out, self.enrichment = self._material()
        self.source = PlaceSource(self.places, config, self.model.config.sees)
        parts = nn.ModuleDict({"model": self.model, "scene": self.scene})
        trained = [p for part in (parts, self.loss) for p in part.parameters() if p.requires_grad]
        self.state = RunState(
            parts,
            self.loss,
            _optimiser(config, trained),
            self.source,
            torch.amp.GradScaler("cpu", enabled=False),
        )
        self._trained = trained

    def run(self, resume: bool = False) -> SkyLinkSummary:
        """Train to the end of the schedule and save the weights."""
        folder, settings = self.config.run.folder, self.config.model_dump_json()
        write_bytes(folder / "config.json", self.config.model_dump_json(indent=2).encode())
        write_bytes(folder / "extra.txt", self._added().encode())
        if resume:
            load_checkpoint(folder, self.state, settings)
        every = self.config.run.checkpoint_minutes
        saved = time.monotonic()
        while self.state.step < self.steps:
            started = time.monotonic()
            losses = self.step()
            self.state.minutes += (time.monotonic() - started) / 60
            self._tell(losses)
            if time.monotonic() - saved > 60 * every:
                save_checkpoint(folder, self.state, settings)
                saved = time.monotonic()
        save_checkpoint(folder, self.state, settings)
        figures = self.figures()
        path = folder / f"{self.model.config.name}.safetensors"
        digest = save_skylink(path, self.model, self._record(figures))
        return SkyLinkSummary(
            path, digest, self.state.step, len(self.places.numbers), self.state.minutes, figures
        )

    @property
    def steps(self) -> int:
        """Optimiser steps of the whole run."""
        run = self.config.run
        return run.max_steps or round(run.epochs * self.source.batches)

    def step(self) -> SkyLinkLosses:
        """Take one optimiser step on a fresh batch.

        Raises:
            TrainingError: the loss is not finite.
        """
        batch = self.source.draw().to(self._device)
        self.state.model.train()
        for group in self.state.optimiser.param_groups:
            group["lr"] = self._learning_rate()
        with autocast_for(self.config.run.precision, self._device):
            found = self._features(batch)
        losses: SkyLinkLosses = self.loss(found)
        if not math.isfinite(float(losses.total.detach())):
            raise TrainingError(
                f"the loss of step {self.state.step} is not finite; lower learning_rate"
            )
        self.state.optimiser.zero_grad(set_to_none=True)
        losses.total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._trained, self.config.optimiser.clip_norm)
        self.state.optimiser.step()
        self.state.step += 1
        return losses

    def figures(self) -> dict[str, float]:
        """Search the held-out places' photos in their tiles; empty if none are held out."""
        held_out = self._held_out
        if not len(held_out.numbers):
            return {}
        describer = PlaceDescriber(self.model, self.model.config.sees, self._device.type)
        numbers = held_out.numbers.tolist()
        photos = [(path, place) for place in numbers for path in held_out.street[place]]
        tiles = [held_out.satellite[place][0] for place in numbers]
        found = place_ranks(
            describer.images([path for path, _ in photos]),
            describer.images(tiles),
            np.array([place for _, place in photos]),
            held_out.numbers,
        )
        return {name: figure.value for name, figure in found.figures().items()}

    def _material(self) -> tuple[TrainingPlaces, TrainingPlaces, Enriched | None]:
        """Return the places to train on, the held-out ones, and what was added to the former."""
        config = self.config
        plain = training_places(config)
        count = len(plain.numbers)
        held_out = _evenly(plain.numbers, round(config.places.held_out * count))
        kept = np.setdiff1d(plain.numbers, held_out)
        enrichment = self._enriched()
        whole = plain if enrichment is None else training_places(config, enrichment.street)
        return whole.part(kept), plain.part(held_out), enrichment

    def _enriched(self) -> Enriched | None:
        how = self.config.places
        if how.extra == "none":
            return None
        folder = part_folder(how.root, "train")
        extra = folder / "google" if how.extra == "google" else Path(how.extra)
        describer = PlaceDescriber(FrozenEncoder(), FROZEN_INPUT, self._device.type)
        return enriched(
            load_view(folder / "street", "street"),
            load_view(extra, "google"),
            describer.images,
            how.extra_per_photo,
        )

    def _features(self, batch: PlaceBatch) -> PlaceFeatures:
        """Describe all images of a batch in one pass, so that they share batch statistics."""
        views = [batch.street, batch.satellite, *([] if batch.drone is None else batch.drone)]
        size, copies = views[0].shape[:2]
        flat = self.model(torch.cat([view.flatten(0, 1) for view in views]))
        parts = flat.reshape(len(views), size, copies, -1)
        scene = None
        if batch.scene is not None:
            scales = len(batch.scene)
            scene = self.scene(batch.scene.flatten(0, 1)).reshape(scales, size, -1)
        return PlaceFeatures(
            parts[0], parts[1], parts[2:] if batch.drone is not None else None, scene
        )

    def _learning_rate(self) -> float:
        how = self.config.optimiser
        warm = (self.state.step + 1) / max(1.0, how.warmup_fraction * self.steps)
        cosine = 0.5 * (1 + math.cos(math.pi * self.state.step / max(1, self.steps)))
        return how.learning_rate * min(1.0, warm) * cosine

    def _added(self) -> str:
        """Return the street photos that were added: cosine and path, a line each."""
        if self.enrichment is None:
            return ""
        rows = zip(self.enrichment.cosine.tolist(), self.enrichment.added, strict=True)
        return "".join(f"{cosine:.4f}\t{path}\n" for cosine, path in rows)

    def _record(self, figures: dict[str, float]) -> dict[str, str]:
        return {
            "steps": str(self.state.step),
            "places": str(len(self.places.numbers)),
            "added photos": str(len(self.enrichment.added) if self.enrichment else 0),
            "minutes": f"{self.state.minutes:.1f}",
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {self._device}",
            "torch": torch.__version__,
            "held-out places": json.dumps({k: round(v, 4) for k, v in figures.items()}),
            "settings": self.config.model_dump_json(),
        }

    def _tell(self, losses: SkyLinkLosses) -> None:
        self._progress("training", self.state.step, self.steps)
        if self.state.step % _TELL_EVERY == 0:
            terms = {f.name: float(getattr(losses, f.name).detach()) for f in fields(losses)}
            said = ", ".join(f"{name} {value:.3f}" for name, value in terms.items())
            log.info("step %d of %d: %s", self.state.step, self.steps, said)


def _evenly(numbers: IntArray, count: int) -> IntArray:
    """Return ``count`` of the numbers, evenly spaced."""
    if not count:
        return numbers[:0]
    return np.asarray(numbers[np.linspace(0, len(numbers) - 1, count).round().astype(int)])


def _optimiser(config: SkyLinkConfigFile, trained: Sequence[Tensor]) -> torch.optim.Optimizer:
    how = config.optimiser
    if how.method == "sgd":
        return torch.optim.SGD(trained, lr=how.learning_rate, weight_decay=how.weight_decay)
    matrices = [p for p in trained if p.ndim >= 2]
    vectors = [p for p in trained if p.ndim < 2]
    groups = [
        {"params": matrices, "weight_decay": how.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=how.learning_rate)
