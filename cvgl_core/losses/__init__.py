"""UnifyGeo's losses: localization, retrieval, matching and ranking."""

from cvgl_core.losses.infonce import symmetric_infonce
from cvgl_core.losses.localization import gaussian_label, level_label, localization_loss
from cvgl_core.losses.matching import matching_loss, ranking_loss
from cvgl_core.losses.total import (
    BatchTruth,
    LossSettings,
    LossWeights,
    UnifyGeoLoss,
    UnifyGeoLosses,
)

__all__ = [
    "BatchTruth",
    "LossSettings",
    "LossWeights",
    "UnifyGeoLoss",
    "UnifyGeoLosses",
    "gaussian_label",
    "level_label",
    "localization_loss",
    "matching_loss",
    "ranking_loss",
    "symmetric_infonce",
]
