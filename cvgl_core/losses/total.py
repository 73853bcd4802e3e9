"""The joint loss: ``L = L_D + 100 L_G + 10 L_M + L_R`` (UnifyGeo, Eq. 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cvgl_core.losses.distance_aware import DistanceAwareLoss
from cvgl_core.losses.headings import heading_infonce, heading_ranking
from cvgl_core.losses.infonce import symmetric_infonce
from cvgl_core.losses.localization import gaussian_label, level_label, localization_loss
from cvgl_core.losses.matching import matching_loss, ranking_loss
from cvgl_core.models.decoder import all_cosines
from cvgl_core.models.features import LEVELS, AerialFeatures, GroundFeatures, MatchOutput

_MIN_TEMPERATURE = 0.01


@dataclass(frozen=True)
class LossWeights:
    """Weights of the four terms, the paper's by default, and of our own (``presence``)."""

    localization: float = 1.0
    retrieval: float = 100.0
    matching: float = 10.0
    ranking: float = 1.0
    presence: float = 0.0


@dataclass(frozen=True)
class LossSettings:
    """What the paper leaves open, with the values that worked.

    Attributes:
        sigma_px: of the Gaussian label, in tile pixels; 3 on 384 px, 1.5 on 128 px.
        label_smoothing: of the retrieval term.
        retrieval_temperature: at the start; learned.
        matching_temperature: at the start, one for each level; learned.
        weights: of the four terms.
        central_fraction: a camera within this share of the tile's side of its centre, on each axis,
            belongs to the tile; a pair with the camera further out teaches localization and
            matching, so that heatmaps of semi-positives are right too, but not retrieval.
        unknown_heading: share of the retrieval and ranking terms in which every heading of a view
            is a rival of the true one (see ``losses.headings``); the rest takes north as known.
    """

    sigma_px: float = 1.5
    label_smoothing: float = 0.1
    retrieval_temperature: float = 0.07
    matching_temperature: float = 0.1
    weights: LossWeights = LossWeights()
    central_fraction: float = 0.5
    unknown_heading: float = 0.0


@dataclass(frozen=True)
class BatchTruth:
    """What is known of a batch of pairs.

    Attributes:
        camera_uv_px: camera in its own tile ``[B, 2]``, x right and y down, continuous.
        exclude: ``[B, B]`` bool: tile ``j`` is no fair negative of view ``i`` for retrieval.
        covers: ``[B, B]`` bool: tile ``j`` contains camera ``i`` anywhere.
    """

    camera_uv_px: Tensor
    exclude: Tensor | None = None
    covers: Tensor | None = None


@dataclass(frozen=True)
class UnifyGeoLosses:
    """Scalars: the weighted total and its unweighted terms; ``matching`` is summed over levels.

    ``distance_aware`` is the weighted sum of DyCL's terms, where they take part in the total, and
    ``presence`` is unweighted; ``LossStep`` adds both.
    """

    total: Tensor
    localization: Tensor
    retrieval: Tensor
    matching: Tensor
    ranking: Tensor
    matching_levels: tuple[Tensor, ...]
    distance_aware: Tensor | None = None
    presence: Tensor | None = None


class UnifyGeoLoss(nn.Module):
    """The joint loss with its learnable temperatures, computed in float32.

    Temperatures are kept as logarithms of their inverse and never fall below 0.01. ``L_R`` shares
    that of level 0.
    """

    def __init__(
        self,
        settings: LossSettings | None = None,
        distance_aware: DistanceAwareLoss | None = None,
    ) -> None:
        """Begin with the settings' temperatures; ``distance_aware`` is for ``LossStep`` to add."""
        super().__init__()
        self.settings = settings or LossSettings()
        self.distance_aware = distance_aware
        retrieval = -math.log(self.settings.retrieval_temperature)
        matching = -math.log(self.settings.matching_temperature)
        self.retrieval_log_scale = nn.Parameter(torch.tensor(retrieval))
        self.matching_log_scale = nn.Parameter(torch.full((LEVELS,), matching))

    def temperatures(self) -> tuple[Tensor, Tensor]:
        """Those of the retrieval term (scalar) and of the four levels ``[4]``."""
        return (
            torch.exp(-self.retrieval_log_scale).clamp(min=_MIN_TEMPERATURE),
            torch.exp(-self.matching_log_scale).clamp(min=_MIN_TEMPERATURE),
        )

    def forward(
        self,
        ground: GroundFeatures,
        aerial: AerialFeatures,
        match: MatchOutput,
        truth: BatchTruth,
    ) -> UnifyGeoLosses:
        """Loss of a batch in which view ``b`` was taken in tile ``b``.

        Where headings are unknown, ``ground`` holds the columns as matched (rolled north-up).
        """
        with torch.autocast(match.logits.device.type, enabled=False):
            return self._forward(ground, aerial, match, truth)

    def _forward(
        self,
        ground: GroundFeatures,
        aerial: AerialFeatures,
        match: MatchOutput,
        truth: BatchTruth,
    ) -> UnifyGeoLosses:
        settings, weights = self.settings, self.settings.weights
        retrieval_tau, matching_tau = self.temperatures()
        label = gaussian_label(truth.camera_uv_px, match.logits.shape[-1], settings.sigma_px)
        labels = [level_label(label, score.shape[-1]) for score in match.scores]
        side_px = match.logits.shape[-1]
        off_centre_px = (truth.camera_uv_px - side_px / 2).abs().amax(dim=1)
        central = off_centre_px <= settings.central_fraction * side_px
        localization = localization_loss(match.logits, label)
        retrieval = symmetric_infonce(
            ground.descriptor,
            aerial.descriptor,
            retrieval_tau,
            settings.label_smoothing,
            truth.exclude,
            central,
        )
        levels = tuple(
            matching_loss(score, weight, tau)
            for score, weight, tau in zip(match.scores, labels, matching_tau, strict=True)
        )
        cosines = all_cosines(ground.columns[0], aerial.maps[0], ground.weights)
        ranking = ranking_loss(cosines, labels[0], matching_tau[0], truth.covers, central)
        if share := settings.unknown_heading:
            every_way = heading_infonce(
                ground, aerial, retrieval_tau, settings.label_smoothing, truth.exclude, central
            )
            retrieval = (1 - share) * retrieval + share * every_way
            every_way = heading_ranking(
                ground, aerial, labels[0], matching_tau[0], truth.covers, central
            )
            ranking = (1 - share) * ranking + share * every_way
        matching = torch.stack(levels).sum()
        total = (
            weights.localization * localization
            + weights.retrieval * retrieval
            + weights.matching * matching
            + weights.ranking * ranking
        )
        return UnifyGeoLosses(total, localization, retrieval, matching, ranking, levels)
