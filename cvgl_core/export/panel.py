"""The azimuths that a picture of a photo runs through, around its optical axis.

The photo keeps its own order whatever its heading is found to be; the ruler says which azimuths
that makes. Azimuths are true; lengths are units of a picture 1000 wide.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cvgl_core.export.mapview import WIDTH
from cvgl_core.export.pictures import DataUri, hatched, jpeg_uri
from cvgl_core.geo.angle import wrapped
from cvgl_core.types import GroundView

WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
NARROW = 0.5
"""A view that shows less of the circle is drawn enlarged."""

_MARGIN_DEG = 12.0


@dataclass(frozen=True)
class Panel:
    """The azimuths that are drawn: those within ``half_deg`` of the axis; None: it is not known."""

    axis_deg: float | None
    half_deg: float

    def x(self, beside_deg: float) -> float:
        """Return the position of a direction, degrees to the right of the axis."""
        return WIDTH / 2 * (1.0 + beside_deg / self.half_deg)

    def pieces(self, azimuth_deg: float, width_deg: float) -> Iterator[tuple[float, float]]:
        """Yield the parts of an arc that are drawn, from left to right ends."""
        left_deg = wrapped(azimuth_deg - (self.axis_deg or 0.0))
        for turn_deg in (-360.0, 0.0):
            start = max(left_deg + turn_deg, -self.half_deg)
            stop = min(left_deg + width_deg + turn_deg, self.half_deg)
            if stop - start > 1e-6:
                yield self.x(start), self.x(stop)


@dataclass(frozen=True)
class Tick:
    """A mark of the azimuth ruler."""

    x: float
    label: str
    major: bool


def panel_of(view: GroundView, heading_deg: float | None) -> Panel:
    """Return the panel for a view whose axis looks to ``heading_deg``: all of it, or enlarged."""
    if float(view.visible.mean()) > NARROW:
        return Panel(heading_deg, 180.0)
    count = len(view.visible)
    beside_deg = (np.arange(count) + 0.5) / count * 360.0 - 180.0 - view.centre_heading_offset_deg
    seen_deg = np.abs(wrapped(beside_deg[view.visible]))
    return Panel(heading_deg, min(180.0, float(seen_deg.max(initial=30.0)) + _MARGIN_DEG))


def strip_uri(strip: GroundView, panel: Panel) -> DataUri:
    """Return the part of a strip with the axis in its middle that a panel shows."""
    width = strip.rgb.shape[1]
    half = round(width * panel.half_deg / 360.0)
    shown = slice(max(0, width // 2 - half), width // 2 + half)
    return jpeg_uri(hatched(strip.rgb[:, shown], strip.visible[shown]), 84)


def axis_centred(view: GroundView) -> GroundView:
    """Return the view turned so that the optical axis lies in its middle."""
    shift = -round(view.centre_heading_offset_deg / 360.0 * view.rgb.shape[1])
    return GroundView(
        np.roll(view.rgb, shift, axis=1), np.roll(view.visible, shift), view.centre_azimuth_deg
    )


def ruler(panel: Panel) -> tuple[Tick, ...]:
    """Return the marks of a panel: azimuths with letters, or degrees beside an unknown axis."""
    small, large = (15, 45) if panel.half_deg > 90.0 else (5, 15)
    axis_deg = panel.axis_deg or 0.0
    first = math.ceil((axis_deg - panel.half_deg) / small)
    last = math.floor((axis_deg + panel.half_deg) / small)
    ticks: list[Tick] = []
    for azimuth_deg in range(first * small, (last + 1) * small, small):
        major = azimuth_deg % large == 0
        label = _tick_label(azimuth_deg, panel.axis_deg is not None) if major else ""
        ticks.append(Tick(round(panel.x(azimuth_deg - axis_deg), 1), label, major))
    return tuple(ticks)


def _tick_label(azimuth_deg: int, known: bool) -> str:
    """Return what is written at a mark."""
    if not known:
        beside_deg = wrapped(float(azimuth_deg))
        return f"{beside_deg:+.0f}°" if beside_deg else "axis"
    turned = azimuth_deg % 360
    return f"{WINDS[turned // 45]} {turned}°" if turned % 45 == 0 else f"{turned}°"
