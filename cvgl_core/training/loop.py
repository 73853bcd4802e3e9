"""The training loop: pairs in, weights out (UnifyGeo IV-C).

A run is a folder: its settings, a checkpoint that is replaced atomically, one line of figures per
validation, and at the end the weights. Of several processes only the first writes.
"""

from __future__ import annotations

import json
import logging
import math
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from cvgl_core.data.datasets import load_pairs
from cvgl_core.data.narrow import narrow_twins
from cvgl_core.data.pairs import Augmentation, PairBatch, augment, normalise
from cvgl_core.errors import SettingsError, TrainingError
from cvgl_core.evaluation.asking import KINDS
from cvgl_core.fsio import write_bytes
from cvgl_core.losses import LossSettings, LossWeights, UnifyGeoLoss, UnifyGeoLosses
from cvgl_core.losses.distance_aware import DistanceAwareLoss, DistanceAwareSettings
from cvgl_core.models.weights import save_weights
from cvgl_core.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.describer import Describer
from cvgl_core.training.device import autocast_for, device_named
from cvgl_core.training.listed import ListedSource
from cvgl_core.training.source import CitySource, PairSource
from cvgl_core.training.start import start_model
from cvgl_core.training.step import LossStep, save_memory, shared_by
from cvgl_core.training.validation import CityValidation, ListedValidation, Validation
from cvgl_core.training.world import World, joined_world
from cvgl_core.types import ModelCard, Progress, no_progress

log = logging.getLogger(__name__)

_SKIPPED_STEPS_LIMIT = 20
_TELL_EVERY = 20


@dataclass(frozen=True)
class TrainingSummary:
    """What a finished run reports."""

    weights: Path
    card: ModelCard
    steps: int
    pairs: int
    minutes: float
    figures: dict[str, float]


def train(
    config: TrainConfig, *, resume: bool = False, progress: Progress = no_progress
) -> TrainingSummary:
    """Train as configured; return where the weights are and what they reach.

    Under torchrun every process calls this, and only the first one's summary has figures.

    Raises:
        SettingsError: the configuration names no pairs, or settings contradict one another.
        DatasetError: the data set cannot be used.
        TrainingError: gradients stay not finite, or the checkpoint belongs to other settings.
        OutputError: results cannot be written.
    """
    device = device_named(config.run.device)
    with joined_world(device) as world:
        if device.type == "cuda" and world.size > 1:
            device = torch.device("cuda", world.local_rank)
            torch.cuda.set_device(device)
        return Trainer(config, progress if world.leads else no_progress, world, device).run(resume)


class Trainer:
    """One run; holds what every step needs."""

    def __init__(
        self,
        config: TrainConfig,
        progress: Progress = no_progress,
        world: World | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.config = config
        self._progress = progress
        self._world = world or World()
        self._device = device or device_named(config.run.device)
        if config.batch.size % self._world.size:
            raise SettingsError(
                f"batch.size: {config.batch.size} pairs cannot be shared evenly by "
                f"{self._world.size} processes"
            )
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.run.seed)
        self.model = start_model(config.model).to(self._device)
        cast(Any, self.model).to(memory_format=torch.channels_last)  # missing in torch's types
        self.card = self.model.card()
        if config.run.save_memory:
            save_memory(self.model)
        self._autocast = autocast_for(config.run.precision, self._device)
        self._how = Augmentation(**config.augmentation.model_dump())
        self._mean = torch.tensor(self.card.mean_rgb)
        self._std = torch.tensor(self.card.std_rgb)
        self.source, self._validation = self._material()
        terms = _distance_aware(config, self.source.places, self.card)
        self.loss = UnifyGeoLoss(_loss_settings(config), terms).to(self._device)
        self.state = RunState(
            self.model,
            self.loss,
            _optimiser(config, self.model, self.loss),
            self.source,
            torch.amp.GradScaler(self._device.type, enabled=config.run.precision == "fp16"),
        )
        self._losses = shared_by(
            self._world,
            LossStep(self.model, self.loss, self._world, config.views.distillation),
            self._device,
        )
        self._skipped = 0
        self._figures: dict[str, float] = {}
        self._recent: float | None = None
        self._minutes_before = 0.0
        self._between_steps = True
        self._validated_step = -1

    def run(self, resume: bool) -> TrainingSummary:
        """Train to the end of the schedule and save the weights."""
        folder, every = self.config.run.folder, self.config.run
        settings = self.config.model_dump_json()
        if self._world.leads:
            write_bytes(folder / "config.json", self.config.model_dump_json(indent=2).encode())
        if resume:
            load_checkpoint(folder, self.state, settings)
        try:
            with ExitStack() as stack:
                self.source.open(stack)
                for _ in self.steps():
                    if self._due(every.checkpoint_minutes) and self._world.leads:
                        save_checkpoint(folder, self.state, settings)
                    if self._due(every.validation_minutes):
                        self._validate()
        finally:
            # Also when interrupted, unless in the middle of a step.
            if self._between_steps and self.state.step and self._world.leads:
                save_checkpoint(folder, self.state, settings)
        if self._validated_step != self.state.step:
            self._validate()
        return self._finish(folder)

    def _material(self) -> tuple[PairSource, Validation]:
        """Return where batches come from, and what the network is tried on."""
        config, how = self.config, self.config.pairs
        if how is None:
            kinds = KINDS if config.views.narrow or config.views.unknown_heading else ()
            return (
                CitySource(config, self.card, self._world, self._prepare, self._progress),
                CityValidation(config.data, self.card, self._device, kinds, self._progress),
            )
        train, held_out = (
            load_pairs(how.dataset, how.root, part, how.labels) for part in ("train", "val")
        )
        together = Describer(self.model, self._autocast, how.readers, self._world)
        alone = Describer(self.model, self._autocast, how.readers)
        return (
            ListedSource(train, config, self.card, self._world, together, self._prepare),
            ListedValidation(held_out, how.validation_views, self.card, alone),
        )

    def steps(self) -> Iterator[None]:
        """Yield after every optimiser step until the schedule ends."""
        while (share := self._share_done()) < 1.0:
            started = time.monotonic()
            values = self.step(share)
            self._minutes_before = self.state.minutes
            minutes = self.state.minutes + (time.monotonic() - started) / 60
            self.state.minutes = float(self._world.agree(torch.tensor(minutes).double()))
            self._tell(values)
            yield

    def step(self, share_done: float) -> UnifyGeoLosses:
        """Take one optimiser step on a fresh batch.

        Raises:
            TrainingError: too many steps had gradients that were not finite.
        """
        self._between_steps = False
        rate = self._learning_rate(share_done)
        batch = self._batch()
        self.model.train()
        optimiser, scaler = self.state.optimiser, self.state.scaler
        for group in optimiser.param_groups:
            group["lr"] = rate * group["rate"]
        with self._autocast:
            values: UnifyGeoLosses = self._losses(batch)
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(scaler.scale(values.total))
        scaler.unscale_(optimiser)
        broken = _not_finite(self.model)
        if broken is None:
            scaler.step(optimiser)
        else:
            self._skip(broken)
        scaler.update()
        self.state.step += 1
        self._between_steps = True
        return values

    def _skip(self, broken: str) -> None:
        """Leave a step out; half precision overflows now and then until its scale has settled."""
        log.warning("step %d skipped: gradient of %s is not finite", self.state.step, broken)
        if self.state.scaler.get_scale() > 1.0:
            return
        self._skipped += 1
        if self._skipped > _SKIPPED_STEPS_LIMIT:
            raise TrainingError(f"gradients of {broken} are not finite; lower learning_rate")

    def _prepare(self, batch: PairBatch, rng: torch.Generator) -> PairBatch:
        """Augment and normalise a batch; sources may call it in other threads."""
        spec, how = self.card.ground, self.config.views
        elevation_range_deg = spec.elevation_top_deg - spec.elevation_bottom_deg
        batch = augment(batch, self._how, rng, elevation_range_deg)
        if how.narrow:
            narrow, visible = narrow_twins(
                batch.ground, spec, self._narrowest_deg(), rng, how.pitch_deg, how.off_deg
            )
            batch = replace(batch, narrow=narrow, visible=visible)
        return normalise(batch, self._mean, self._std)

    def _narrowest_deg(self) -> float:
        """From half a circle down to the narrowest view, as the run proceeds."""
        how = self.config.views
        left = 1.0 - min(1.0, self._share_done() / how.curriculum) if how.curriculum else 0.0
        return how.narrowest_deg + left * max(0.0, 180.0 - how.narrowest_deg)

    def _batch(self) -> PairBatch:
        return self.source.draw().to(self._device)

    def _learning_rate(self, share_done: float) -> float:
        """Linear warm-up in steps or epochs, then a cosine over the schedule."""
        how = self.config.optimiser
        if how.warmup_epochs is None:
            warm = (self.state.step + 1) / max(1, how.warmup_steps)
        else:
            one = self.config.batch.size / self.source.pairs
            warm = (self.source.epochs + one) / max(one, how.warmup_epochs)
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share_done)))
        part = how.final_fraction + (1 - how.final_fraction) * cosine
        return how.learning_rate * min(1.0, warm) * part

    def _share_done(self) -> float:
        run = self.config.run
        if run.max_steps is not None:
            return self.state.step / run.max_steps
        if run.epochs is not None:
            return self.source.epochs / run.epochs
        return self.state.minutes / run.minutes

    def _due(self, every_minutes: float) -> bool:
        """Whether a multiple of ``every_minutes`` was crossed by the last step."""
        return self.state.minutes // every_minutes > self._minutes_before // every_minutes

    def _tell(self, values: UnifyGeoLosses) -> None:
        total = float(values.total.detach())
        self._recent = total if self._recent is None else 0.95 * self._recent + 0.05 * total
        self._progress("training", int(1000 * min(1.0, self._share_done())), 1000)
        if self.state.step % _TELL_EVERY == 0 and self._world.leads:
            rate = self.state.step * self.config.batch.size / max(1e-9, self.state.minutes * 60)
            log.info(
                "step %d, loss %.1f, %.1f pairs/s, %s, %s",
                self.state.step,
                self._recent,
                rate,
                self.source.describe(),
                _terms(values),
            )

    def _validate(self) -> None:
        """Score held-out material and append the figures to the run's log."""
        self._validated_step = self.state.step
        if not self._world.leads:
            return
        self._figures = self._validation.figures(self.model)
        line = {"step": self.state.step, "minutes": round(self.state.minutes, 2)} | {
            name: round(value, 4) for name, value in self._figures.items()
        }
        log.info("validation %s", json.dumps(line))
        with (self.config.run.folder / "validation.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def _finish(self, folder: Path) -> TrainingSummary:
        pairs = self.state.step * self.config.batch.size
        record = {
            "steps": str(self.state.step),
            "pairs": str(pairs),
            "minutes": f"{self.state.minutes:.1f}",
            "seed": str(self.config.run.seed),
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {self._device}",
            "torch": torch.__version__,
            "start": str(self.config.model.start),
            "validation": json.dumps({k: round(v, 4) for k, v in self._figures.items()}),
            "settings": self.config.model_dump_json(),
        }
        path = folder / f"{self.card.name}.safetensors"
        card = replace(self.card, training=record | self.source.record)
        if self._world.leads:
            card = self._validation.calibrated(self.model, card)
            card = replace(card, weights_sha256=save_weights(path, self.model, card))
        return TrainingSummary(
            path, card, self.state.step, pairs, self.state.minutes, self._figures
        )


def _terms(values: UnifyGeoLosses) -> str:
    """Return the unweighted terms of the loss in a line."""
    names = ("localization", "retrieval", "matching", "ranking", "presence", "distance_aware")
    terms = {name: getattr(values, name) for name in names}
    return ", ".join(f"{k} {float(v.detach()):.3f}" for k, v in terms.items() if v is not None)


def _optimiser(config: TrainConfig, model: nn.Module, loss: UnifyGeoLoss) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices and kernels only; proxies have a learning rate of their own.

    ``rate`` is that of a group, over the configured one.
    """
    terms = loss.distance_aware
    proxies: list[Tensor] = [] if terms is None else list(terms.parameters())
    own = {id(p) for p in proxies}
    parameters = [p for p in (*model.parameters(), *loss.parameters()) if id(p) not in own]
    decayed = [p for p in parameters if p.ndim >= 2]
    plain = [p for p in parameters if p.ndim < 2]
    how = config.optimiser
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": how.weight_decay, "rate": 1.0},
            {"params": plain, "weight_decay": 0.0, "rate": 1.0},
            *_proxy_group(config, proxies),
        ],
        lr=how.learning_rate,
        betas=(0.9, 0.98),
    )


def _proxy_group(config: TrainConfig, proxies: list[Tensor]) -> list[dict[str, Any]]:
    if config.distance_aware is None or not proxies:
        return []
    rate = config.distance_aware.proxy_learning_rate / config.optimiser.learning_rate
    return [{"params": proxies, "weight_decay": 0.0, "rate": rate}]


def _distance_aware(config: TrainConfig, places: int, card: ModelCard) -> DistanceAwareLoss | None:
    how = config.distance_aware
    if how is None or not how.learns:
        return None
    margins = how.margins or tuple(0.25 + 0.1 * level for level in range(len(how.levels_m)))
    values = how.model_dump(exclude={"proxy_learning_rate"}) | {"margins": margins}
    return DistanceAwareLoss(DistanceAwareSettings(**values), places, card.descriptor_dim)


def _loss_settings(config: TrainConfig) -> LossSettings:
    how = config.loss
    weights = LossWeights(how.localization, how.retrieval, how.matching, how.ranking, how.presence)
    return LossSettings(
        how.sigma_px,
        how.label_smoothing,
        weights=weights,
        central_fraction=how.central_fraction,
        unknown_heading=config.views.unknown_heading,
    )


def _not_finite(model: nn.Module) -> str | None:
    """Return the name of a parameter whose gradient is not finite."""
    norms = [
        (name, torch.linalg.vector_norm(parameter.grad))
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    ]
    if not norms or bool(torch.isfinite(torch.stack([norm for _, norm in norms])).all()):
        return None
    return next(name for name, norm in norms if not bool(torch.isfinite(norm)))
