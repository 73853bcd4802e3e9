"""Which of overlapping rasters is shown."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from cvgl_core.errors import SettingsError

if TYPE_CHECKING:
    from tiling.raster.info import RasterInfo

_LOG = logging.getLogger(__name__)


class Precedence(StrEnum):
    """Which of overlapping rasters is shown."""

    ORDER = "order"
    NEWEST = "newest"
    FINEST = "finest"


def in_order(rasters: Sequence[RasterInfo], precedence: Precedence) -> tuple[RasterInfo, ...]:
    """Return rasters so that the first wins; equals stay in the order they were named.

    Raises:
        SettingsError: the newest is to win and no raster says when it was taken.
    """
    if precedence is Precedence.FINEST:
        return tuple(sorted(rasters, key=lambda raster: float(f"{raster.gsd_m_per_px:.2g}")))
    if precedence is Precedence.NEWEST:
        undated = sum(not raster.acquired for raster in rasters)
        if undated == len(rasters):
            raise SettingsError(
                "--precedence newest: no raster says when it was taken; tell how their names "
                "hold the date with --date-in-name, or name them in order"
            )
        if undated:
            _LOG.warning("%d rasters do not say when they were taken; the others win", undated)
        return tuple(sorted(rasters, key=lambda raster: raster.acquired, reverse=True))
    return tuple(rasters)
