"""From a batch to its losses: the part of a training step that has gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint

from cvgl_core.data.pairs import PairBatch
from cvgl_core.losses import BatchTruth, UnifyGeoLoss, UnifyGeoLosses, symmetric_infonce
from cvgl_core.losses.distance_aware import DistanceTruth
from cvgl_core.losses.presence import hardest_rivals, presence_loss
from cvgl_core.models import UnifyGeo
from cvgl_core.models.features import AerialFeatures, GroundFeatures, MatchOutput
from cvgl_core.training.world import World


class LossStep(nn.Module):
    """Network and loss in one module, so that several processes can share a batch.

    Each process encodes and matches its own pairs. Features and heatmaps are then gathered, and
    each computes the loss of the whole batch: negatives come from all processes, and the gradient
    is that of one process with the whole batch (batch normalisation apart).
    """

    def __init__(
        self, model: UnifyGeo, loss: UnifyGeoLoss, world: World, distillation: float = 0.0
    ) -> None:
        """Join them; ``distillation`` is the weight of a full view's heatmap for its twin's."""
        super().__init__()
        self.model = model
        self.loss = loss
        self._world = world
        self._distillation = distillation

    @property
    def retrieval_only(self) -> bool:
        """Whether no term needs the matching decoder, which is left out then."""
        weights = self.loss.settings.weights
        return not any((weights.localization, weights.matching, weights.ranking, weights.presence))

    def forward(self, batch: PairBatch) -> UnifyGeoLosses:
        """Return the losses; ``batch`` holds own pixels and targets, and masks of all pairs.

        With narrow twins, the mean over both kinds of views, and distillation in the total.
        """
        aerial = self.model.forward_aerial(batch.aerial)
        full, narrow = self._views(batch)
        if self.retrieval_only:
            values = [self._retrieval(ground, aerial, batch) for ground in (full, *narrow)]
            return self._with_distances(mean_losses(values), (full, *narrow), aerial, batch)
        outputs = [self.model.match(ground, aerial) for ground in (full, *narrow)]
        gather = self._world.gather
        truth = BatchTruth(gather(batch.target_px), batch.same_place, batch.covers)
        losses = mean_losses(
            [
                self.loss(*self._gathered(ground, aerial, output), truth)
                for ground, output in zip((full, *narrow), outputs, strict=True)
            ]
        )
        losses = self._with_distances(losses, (full, *narrow), aerial, batch)
        if self.loss.settings.weights.presence:
            losses = self._with_presence(losses, (full, *narrow), aerial, outputs, batch)
        if not (narrow and self._distillation):
            return losses
        taught = distilled(outputs[0].logits, outputs[1].logits)
        return replace(losses, total=losses.total + self._distillation * taught)

    def _with_distances(
        self,
        losses: UnifyGeoLosses,
        views: Sequence[GroundFeatures],
        aerial: AerialFeatures,
        batch: PairBatch,
    ) -> UnifyGeoLosses:
        """Add DyCL's terms to the total where the loss has them: their mean over kinds of views."""
        terms = self.loss.distance_aware
        if terms is None or batch.apart_m is None or batch.place is None:
            return losses
        gather = self._world.gather
        truth = DistanceTruth(batch.apart_m, batch.place, self._central(batch))
        tiles = gather(aerial.descriptor)
        values = [terms(gather(view.descriptor), tiles, truth).total for view in views]
        value = torch.stack(values).mean()
        return replace(losses, total=losses.total + value, distance_aware=value)

    def _with_presence(
        self,
        losses: UnifyGeoLosses,
        views: Sequence[GroundFeatures],
        aerial: AerialFeatures,
        outputs: Sequence[MatchOutput],
        batch: PairBatch,
    ) -> UnifyGeoLosses:
        """Add ``L_P``: mean over kinds of views, against rivals among the tiles of this process.

        Half of the views meet a rival, for a rival costs as much as the own tile; a share of these
        under any heading.
        """
        settings = self.loss.settings
        every = self._world.share(len(batch.covers))
        half = slice(every.start, every.start + math.ceil(len(batch.ground) / 2))
        place = torch.arange(half.stop - half.start, device=batch.ground.device)
        searched = place < settings.unknown_heading * len(place)
        values = []
        for view, output in zip(views, outputs, strict=True):
            met = view.part(slice(len(place)))
            rivals = hardest_rivals(met, aerial, batch.covers[half, every], searched)
            logits = self.model.match(rivals.ground, rivals.aerial).logits
            values.append(presence_loss(output.logits[: len(place)], logits, rivals.real))
        value = torch.stack(values).mean()
        total = losses.total + settings.weights.presence * value
        return replace(losses, total=total, presence=value)

    def _views(self, batch: PairBatch) -> tuple[GroundFeatures, list[GroundFeatures]]:
        """Encode the full views, and their narrow twins if there are any, in one batch."""
        if batch.narrow is None or batch.visible is None:
            return self.model.forward_ground(batch.ground), []
        visible = torch.cat([torch.ones_like(batch.visible), batch.visible])
        both = self.model.forward_ground(torch.cat([batch.ground, batch.narrow]), visible)
        count = len(batch.ground)
        return both.part(slice(None, count)), [both.part(slice(count, None))]

    def _gathered(
        self, ground: GroundFeatures, aerial: AerialFeatures, output: MatchOutput
    ) -> tuple[GroundFeatures, AerialFeatures, MatchOutput]:
        """Put together what the loss reads; finer columns and maps stay as they are."""
        gather = self._world.gather
        if self._world.size == 1:
            return ground, aerial, output
        return (
            replace(
                ground,
                descriptor=gather(ground.descriptor),
                columns=(gather(ground.columns[0]), *ground.columns[1:]),
                weights=None if ground.weights is None else gather(ground.weights),
            ),
            replace(
                aerial,
                descriptor=gather(aerial.descriptor),
                maps=(gather(aerial.maps[0]), *aerial.maps[1:]),
            ),
            MatchOutput(tuple(map(gather, output.scores)), gather(output.logits)),
        )

    def _retrieval(
        self, ground: GroundFeatures, aerial: AerialFeatures, batch: PairBatch
    ) -> UnifyGeoLosses:
        settings = self.loss.settings
        gather = self._world.gather
        with torch.autocast(ground.descriptor.device.type, enabled=False):
            value = symmetric_infonce(
                gather(ground.descriptor),
                gather(aerial.descriptor),
                self.loss.temperatures()[0],
                settings.label_smoothing,
                batch.same_place,
                self._central(batch),
            )
        none = value.new_zeros(())
        total = settings.weights.retrieval * value
        return UnifyGeoLosses(total, none, value, none, none, (none,) * 4)

    def _central(self, batch: PairBatch) -> Tensor:
        """Tell which cameras of the whole batch belong to their tiles ``[B]``."""
        side_px = batch.aerial.shape[-1]
        off_centre_px = (self._world.gather(batch.target_px) - side_px / 2).abs().amax(dim=1)
        return off_centre_px <= self.loss.settings.central_fraction * side_px


def mean_losses(values: Sequence[UnifyGeoLosses]) -> UnifyGeoLosses:
    """Mean of each term."""
    total, localization, retrieval, matching, ranking = (
        torch.stack([getattr(value, name) for value in values]).mean()
        for name in ("total", "localization", "retrieval", "matching", "ranking")
    )
    levels = zip(*(value.matching_levels for value in values), strict=True)
    means = tuple(torch.stack(level).mean() for level in levels)
    return UnifyGeoLosses(total, localization, retrieval, matching, ranking, means)


def distilled(teacher: Tensor, student: Tensor) -> Tensor:
    """Cross-entropy of a narrow view's heatmap with the full view's (GeoDistill), batch mean.

    Args:
        teacher: logits of the full views ``[B, p, p]``; they get no gradient.
        student: logits of the same views' narrow twins.
    """
    target = teacher.detach().float().flatten(1).softmax(dim=1)
    return -(target * student.float().flatten(1).log_softmax(dim=1)).sum(dim=1).mean()


def shared_by(world: World, step: LossStep, device: torch.device) -> nn.Module:
    """Return the step as all processes take it together; gradients are averaged over them."""
    if world.size == 1:
        return step
    devices = [device] if device.type == "cuda" else None
    module: nn.Module = step
    if device.type == "cuda":
        module = cast(Any, nn.SyncBatchNorm).convert_sync_batchnorm(step)
    return DistributedDataParallel(
        module, device_ids=devices, find_unused_parameters=step.retrieval_only
    )


def save_memory(model: UnifyGeo) -> None:
    """Let trunks forget what happens inside their stages and compute it again for gradients.

    Batch normalisation sees every batch twice then, so its running averages move faster; the
    paper's network has none.
    """
    trunks = {model.ground.trunk, model.aerial.trunk}  # one, where both views share an encoder
    for stage in [stage for trunk in trunks for stage in trunk.children()]:
        for part in stage.children() if isinstance(stage, nn.ModuleList) else (stage,):
            cast(Any, part).forward = _recomputed(part.forward)


def _recomputed(forward: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    def again(x: Tensor) -> Any:
        if not torch.is_grad_enabled():
            return forward(x)
        return checkpoint(forward, x, use_reentrant=False)

    return again
