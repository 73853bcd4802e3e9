"""The training loop: pairs in, weights out (UnifyGeo IV-C).

A run is a folder: its settings, a checkpoint that is replaced atomically, one line of figures per
validation, and at the end the weights.
"""

from __future__ import annotations

import json
import logging
import math
import platform
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from cvgl_core.data.citypack import CityPack, render_pack
from cvgl_core.data.pairs import Augmentation, PairBatch, augment, gather, limit_view, normalise
from cvgl_core.data.sampler import BatchSampler, BatchSettings
from cvgl_core.errors import SettingsError, TrainingError
from cvgl_core.evaluation.calibration import fit_calibration
from cvgl_core.evaluation.gallery import Gallery
from cvgl_core.fsio import write_bytes
from cvgl_core.losses import BatchTruth, LossSettings, UnifyGeoLoss, UnifyGeoLosses
from cvgl_core.models import UnifyGeo, create_model, load_imagenet
from cvgl_core.models.weights import bundled_path, load_weights, save_weights
from cvgl_core.training.checkpoint import RunState, load_checkpoint, save_checkpoint
from cvgl_core.training.config import TrainConfig
from cvgl_core.training.producer import (
    CityProducer,
    elsewhere_spec,
    training_specs,
    validation_spec,
)
from cvgl_core.types import Calibration, ModelCard, Progress, no_progress

log = logging.getLogger(__name__)

_SKIPPED_STEPS_LIMIT = 20
_POLL_SECONDS = 2.0


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

    Raises:
        SettingsError: the configuration names no city.
        TrainingError: gradients stay not finite, or the checkpoint belongs to other settings.
        OutputError: results cannot be written.
    """
    return Trainer(config, progress).run(resume)


class Trainer:
    """One run; holds what every step needs."""

    def __init__(self, config: TrainConfig, progress: Progress = no_progress) -> None:
        if not config.data.seeds and not config.data.osm:
            raise SettingsError("data.seeds and data.osm are both empty: name at least one city")
        self.config = config
        self._progress = progress
        self._device = _device(config.run.device)
        if config.run.threads:
            torch.set_num_threads(config.run.threads)
        torch.manual_seed(config.run.seed)
        self.model = _start_model(config).to(self._device)
        cast(Any, self.model).to(memory_format=torch.channels_last)  # missing in torch's types
        self.card = self.model.card()
        self.loss = UnifyGeoLoss(LossSettings(sigma_px=config.optimiser.sigma_px)).to(self._device)
        self.state = RunState(
            self.model,
            self.loss,
            _optimiser(config, self.model, self.loss),
            np.random.default_rng(config.run.seed),
            torch.Generator().manual_seed(config.run.seed),
        )
        self._sampler = BatchSampler(_batch_settings(config, self.card), self.state.numpy_rng)
        self._how = Augmentation(**config.augmentation.model_dump())
        self._mean = torch.tensor(self.card.mean_rgb)
        self._std = torch.tensor(self.card.std_rgb)
        self._autocast = _autocast(config, self._device)
        self._skipped = 0
        self._figures: dict[str, float] = {}
        self._recent: float | None = None
        self._minutes_before = 0.0
        self._between_steps = True
        self._validated_step = -1

    def run(self, resume: bool) -> TrainingSummary:
        """Train to the end of the schedule and save the weights."""
        folder, data = self.config.run.folder, self.config.data
        settings = self.config.model_dump_json()
        write_bytes(folder / "config.json", self.config.model_dump_json(indent=2).encode())
        if resume:
            load_checkpoint(folder, self.state, settings)
        specs = training_specs(data, self.card)
        try:
            with CityProducer(specs, data.cache) as producer:
                for _ in self._steps(producer):
                    if self._due(self.config.run.checkpoint_minutes):
                        save_checkpoint(folder, self.state, settings)
                    if self._due(self.config.run.validation_minutes):
                        self._validate()
        finally:
            # Also when interrupted, unless in the middle of a step.
            if self._between_steps and self.state.step:
                save_checkpoint(folder, self.state, settings)
        if self._validated_step != self.state.step:
            self._validate()
        return self._finish(folder)

    def _steps(self, producer: CityProducer) -> Iterator[None]:
        """Yield after every optimiser step until the schedule ends."""
        packs = self._wait(producer)
        while (share := self._share_done()) < 1.0:
            if self.state.step % 20 == 0:
                packs = producer.ready()
            started = time.monotonic()
            values = self.step(packs, share)
            self._minutes_before = self.state.minutes
            self.state.minutes += (time.monotonic() - started) / 60
            self._tell(values, len(packs))
            yield

    def step(self, packs: list[CityPack], share_done: float) -> UnifyGeoLosses:
        """Take one optimiser step on a fresh batch.

        Raises:
            TrainingError: too many steps had gradients that were not finite.
        """
        self._between_steps = False
        self.model.train()
        batch = self._batch(packs)
        for group in self.state.optimiser.param_groups:
            group["lr"] = self._learning_rate(share_done)
        with self._autocast:
            ground = self.model.forward_ground(batch.ground)
            aerial = self.model.forward_aerial(batch.aerial)
            output = self.model.match(ground, aerial)
        truth = BatchTruth(batch.target_px, batch.same_place, batch.covers)
        values: UnifyGeoLosses = self.loss(ground, aerial, output, truth)
        self.state.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(values.total)
        broken = _not_finite(self.model)
        if broken is None:
            self.state.optimiser.step()
        else:
            self._skipped += 1
            log.warning("step %d skipped: gradient of %s is not finite", self.state.step, broken)
            if self._skipped > _SKIPPED_STEPS_LIMIT:
                raise TrainingError(f"gradients of {broken} are not finite; lower learning_rate")
        self.state.step += 1
        self._between_steps = True
        return values

    def _batch(self, packs: list[CityPack]) -> PairBatch:
        plan = self._sampler.draw(packs)
        batch = gather(packs, plan, self.card.aerial_px)
        batch = augment(batch, self._how, self.state.torch_rng)
        batch = limit_view(batch, self._how, self.state.torch_rng)
        batch = normalise(batch, self._mean, self._std)
        return PairBatch(
            *(getattr(batch, name).to(self._device) for name in batch.__dataclass_fields__)
        )

    def _learning_rate(self, share_done: float) -> float:
        """Linear warm-up in steps, then a cosine over the schedule."""
        how = self.config.optimiser
        warm = min(1.0, (self.state.step + 1) / max(1, how.warmup_steps))
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, share_done)))
        return how.learning_rate * warm * (how.final_fraction + (1 - how.final_fraction) * cosine)

    def _share_done(self) -> float:
        if self.config.run.max_steps is not None:
            return self.state.step / self.config.run.max_steps
        return self.state.minutes / self.config.run.minutes

    def _due(self, every_minutes: float) -> bool:
        """Whether a multiple of ``every_minutes`` was crossed by the last step."""
        return self.state.minutes // every_minutes > self._minutes_before // every_minutes

    def _wait(self, producer: CityProducer) -> list[CityPack]:
        wanted = self.config.data.start_after_cities
        while len(packs := producer.ready()) < wanted and not producer.finished:
            self._progress("waiting for the first cities", len(packs), wanted)
            time.sleep(_POLL_SECONDS)
        return packs

    def _tell(self, values: UnifyGeoLosses, cities: int) -> None:
        total = float(values.total.detach())
        self._recent = total if self._recent is None else 0.95 * self._recent + 0.05 * total
        rate = self.state.step * self.config.batch.size / max(1e-9, self.state.minutes * 60)
        text = (
            f"step {self.state.step}, loss {self._recent:.1f}, {rate:.1f} pairs/s, {cities} cities"
        )
        self._progress(text, int(1000 * min(1.0, self._share_done())), 1000)
        if self.state.step % 20 == 0:
            log.info("%s, %s", text, _terms(values))

    def _validate(self) -> None:
        """Score the held-out city and append the figures to the run's log."""
        data = self.config.data
        pack = render_pack(validation_spec(data, self.card), data.cache, progress=self._progress)
        gallery = Gallery(self.model, self.card, pack, self._device)
        self._figures = gallery.figures(data.validation_views)
        self._validated_step = self.state.step
        line = {"step": self.state.step, "minutes": round(self.state.minutes, 2)} | {
            name: round(value, 4) for name, value in self._figures.items()
        }
        log.info("validation %s", json.dumps(line))
        with (self.config.run.folder / "validation.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def _calibrate(self) -> Calibration:
        """Fit probabilities on the held-out city, asked with its own views and with another's."""
        data = self.config.data
        own, other = (
            render_pack(spec, data.cache, progress=self._progress)
            for spec in (validation_spec(data, self.card), elsewhere_spec(data, self.card))
        )
        gallery = Gallery(self.model, self.card, own, self._device)
        views, truth = gallery.truth()
        return fit_calibration(
            gallery.score(own.ground[views]), truth, gallery.score(other.ground[:])
        )

    def _finish(self, folder: Path) -> TrainingSummary:
        pairs = self.state.step * self.config.batch.size
        record = {
            "steps": str(self.state.step),
            "pairs": str(pairs),
            "minutes": f"{self.state.minutes:.1f}",
            "seed": str(self.config.run.seed),
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, {self._device}",
            "torch": torch.__version__,
            "start": self.config.model.start,
            "cities": ", ".join(spec.name for spec in training_specs(self.config.data, self.card)),
            "validation": json.dumps({k: round(v, 4) for k, v in self._figures.items()}),
            "settings": self.config.model_dump_json(),
        }
        path = folder / f"{self.card.name}.safetensors"
        card = replace(self.card, training=record, calibration=self._calibrate())
        save_weights(path, self.model, card)
        return TrainingSummary(
            path, card, self.state.step, pairs, self.state.minutes, self._figures
        )


def _device(wanted: str) -> torch.device:
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def _start_model(config: TrainConfig) -> UnifyGeo:
    """Create the network with the weights that training starts from."""
    model = create_model(config.model.name)
    if config.model.start == "imagenet":
        load_imagenet(model)
    elif config.model.start == "bundled":
        path = bundled_path(config.model.name)
        if path is None:
            raise SettingsError(f"model.start: no weights are bundled for {config.model.name}")
        model.load_state_dict(load_weights(path)[0])
    return model


def _terms(values: UnifyGeoLosses) -> str:
    """Return the unweighted terms of the loss in a line."""
    names = ("localization", "retrieval", "matching", "ranking")
    return ", ".join(f"{name} {float(getattr(values, name).detach()):.3f}" for name in names)


def _optimiser(config: TrainConfig, model: nn.Module, loss: nn.Module) -> torch.optim.Optimizer:
    """AdamW; weight decay on matrices and kernels only."""
    parameters: list[Tensor] = [*model.parameters(), *loss.parameters()]
    decayed = [p for p in parameters if p.ndim >= 2]
    plain = [p for p in parameters if p.ndim < 2]
    how = config.optimiser
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": how.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ],
        lr=how.learning_rate,
        betas=(0.9, 0.98),
    )


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
    )


def _autocast(config: TrainConfig, device: torch.device) -> AbstractContextManager[object]:
    """bf16 where the hardware has it (on CPUs without it, it is slower than fp32)."""
    wanted = config.run.precision
    fast = device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    if wanted == "bf16" or (wanted == "auto" and fast):
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()


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
