"""Retrieval that knows distances: DyCL's terms together, beside UnifyGeo's losses or alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from cvgl_core.losses.dynamic_margin import PUBLISHED_MARGINS, dynamic_margin_loss
from cvgl_core.losses.happier import happier_loss
from cvgl_core.losses.proxy import ProxyLoss
from cvgl_core.losses.triplet import triplet_loss

Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class DistanceAwareSettings:
    """Which terms, and what is near; the defaults are DyCL's.

    Attributes:
        levels_m: a tile whose centre lies within the k-th distance of the camera is of level
            ``len(levels_m) - k`` at least; nearest first. The own tile is of the highest.
        margins: of the contrast, that of level 1 first; as many as levels.
        scale: of the contrast.
        alpha: how much more a higher level is worth in H-AP.
        contrast: weight of the dynamic margin loss.
        ranking: weight of the HAPPIER surrogate.
        proxies: weight of the proxy loss; 0 leaves out its parameters.
        triplet: weight of the triplet loss, the baseline.
        weight: of all of them together.
    """

    levels_m: tuple[float, ...] = (3.0, 200.0, 500.0)
    margins: tuple[float, ...] = PUBLISHED_MARGINS
    scale: float = 32.0
    alpha: float = 1.0
    contrast: float = 0.2
    ranking: float = 0.9
    proxies: float = 0.1
    triplet: float = 0.0
    weight: float = 1.0


@dataclass(frozen=True)
class DistanceTruth:
    """What is known of a batch.

    Attributes:
        apart_m: from camera ``i`` to the centre of tile ``j`` ``[B, B]``; infinite if unrelated.
        place: number of each pair's place among all of the training material ``[B]``.
        own: whether each pair's tile is of the highest level whatever the distance ``[B]`` bool;
            all of them if None.
    """

    apart_m: Tensor
    place: Tensor
    own: Tensor | None = None


@dataclass(frozen=True)
class DistanceAwareLosses:
    """Scalars: the weighted total and its unweighted terms, zero where the weight is zero."""

    total: Tensor
    contrast: Tensor
    ranking: Tensor
    proxies: Tensor
    triplet: Tensor


def levels_of(truth: DistanceTruth, levels_m: Sequence[float]) -> Tensor:
    """Return the level of relevance of each pair of view and tile ``[B, B]``."""
    levels = torch.stack([truth.apart_m <= limit_m for limit_m in levels_m]).sum(dim=0)
    own = torch.eye(len(levels), dtype=torch.bool, device=levels.device)
    return levels.masked_fill(own if truth.own is None else own & truth.own, len(levels_m))


class DistanceAwareLoss(nn.Module):
    """DyCL's terms on global descriptors; each asks tiles by views and views by tiles."""

    def __init__(self, settings: DistanceAwareSettings, places: int, descriptor_dim: int) -> None:
        super().__init__()
        if len(settings.margins) != len(settings.levels_m):
            raise ValueError("there must be as many margins as levels")
        self.settings = settings
        self.proxies = ProxyLoss(places, descriptor_dim) if settings.proxies else None

    def forward(self, ground: Tensor, aerial: Tensor, truth: DistanceTruth) -> DistanceAwareLosses:
        """Loss of a batch in which view ``b`` was taken in tile ``b``.

        Args:
            ground: L2-normalised ``[B, D]``.
            aerial: L2-normalised ``[B, D]``.
            truth: how far apart they are.
        """
        with torch.autocast(ground.device.type, enabled=False):
            return self._forward(ground.float(), aerial.float(), truth)

    def _forward(self, ground: Tensor, aerial: Tensor, truth: DistanceTruth) -> DistanceAwareLosses:
        how = self.settings
        highest = len(how.levels_m)
        scores = ground @ aerial.T
        levels = levels_of(truth, how.levels_m)
        none = scores.new_zeros(())
        both = partial(_both_ways, scores=scores, levels=levels)
        contrast = partial(dynamic_margin_loss, margins=how.margins, scale=how.scale)
        ranking = partial(happier_loss, highest=highest, alpha=how.alpha)
        terms = {
            "contrast": both(contrast) if how.contrast else none,
            "ranking": both(ranking) if how.ranking else none,
            "proxies": self._classified(ground, aerial, truth.place),
            "triplet": both(partial(_triplet, highest=highest)) if how.triplet else none,
        }
        total = how.weight * torch.stack([getattr(how, k) * v for k, v in terms.items()]).sum()
        return DistanceAwareLosses(total, **terms)

    def _classified(self, ground: Tensor, aerial: Tensor, place: Tensor) -> Tensor:
        if self.proxies is None:
            return ground.new_zeros(())
        views: Tensor = self.proxies(ground, place)
        tiles: Tensor = self.proxies(aerial, place)
        return 0.5 * (views + tiles)


def _both_ways(loss: Loss, scores: Tensor, levels: Tensor) -> Tensor:
    """Mean of a loss of views asking tiles and of tiles asking views."""
    return 0.5 * (loss(scores, levels) + loss(scores.T, levels.T))


def _triplet(scores: Tensor, levels: Tensor, highest: int) -> Tensor:
    return triplet_loss(scores, (levels == 0) & (levels.diagonal() == highest)[:, None])
