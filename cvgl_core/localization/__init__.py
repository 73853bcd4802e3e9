"""Where was it taken: retrieve, re-rank, decode, fuse, judge."""

from cvgl_core.localization.area import Area
from cvgl_core.localization.localizer import Localizer
from cvgl_core.localization.period import Period
from cvgl_core.localization.ports import MatchEngine, TileIndex
from cvgl_core.localization.retrieve import Near
from cvgl_core.localization.settings import EstimateMethod, LocalizeSettings
from cvgl_core.localization.several import Located, SeveralLocalizer

__all__ = [
    "Area",
    "EstimateMethod",
    "LocalizeSettings",
    "Localizer",
    "Located",
    "MatchEngine",
    "Near",
    "Period",
    "SeveralLocalizer",
    "TileIndex",
]
