"""Small line charts as SVG: a share in percent over something that is measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cvgl_core.export.page import environment

WIDTH, HEIGHT = 360.0, 220.0
"""Of the plot itself, in units of the picture."""

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes:
        label: for the legend.
        points: x and share in [0, 1], in order of x.
        dots: mark every point.
    """

    label: str
    points: Points
    dots: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart whose y axis runs from 0 to 100 %.

    Attributes:
        title: above it.
        x_label: below it.
        y_label: of the shares.
        series: lines, at most four.
        x_ticks: places and texts of the grid lines across; the first and last end the axis.
        x_log: whether x is drawn by its logarithm.
        diagonal: draw the line on which x is the share.
        marks: x of lines that point something out, with a text each.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    x_ticks: tuple[tuple[float, str], ...]
    x_log: bool = False
    diagonal: bool = False
    marks: tuple[tuple[float, str], ...] = ()

    def x(self, value: float) -> float:
        """Return where a value lies across the plot, in units of the picture."""
        first, last, at = (
            math.log(max(v, 1e-9)) if self.x_log else v
            for v in (self.x_ticks[0][0], self.x_ticks[-1][0], value)
        )
        return WIDTH * min(max((at - first) / (last - first), 0.0), 1.0)

    def svg(self) -> Markup:
        """Return the picture for a page that has ``style.css.j2``."""
        template = environment().get_template("chart.svg.j2")
        return Markup(template.render(chart=self, width=WIDTH, height=HEIGHT))  # noqa: S704

    def places(self, series: Series) -> list[tuple[float, float]]:
        """Return a line's points in units of the picture, y downwards."""
        return [
            (round(self.x(x), 1), round(HEIGHT * (1 - y), 1))
            for x, y in series.points
            if math.isfinite(x) and math.isfinite(y)
        ]

    def path(self, series: Series) -> str:
        """Return a line as the data of an SVG path."""
        return "M" + "L".join(f"{x} {y}" for x, y in self.places(series))


def ticks(values: Sequence[float], unit: str = "") -> tuple[tuple[float, str], ...]:
    """Return ticks whose texts are the values, with a unit on the last."""
    texts = [f"{value:,g}" for value in values]
    return tuple(zip(values, [*texts[:-1], f"{texts[-1]}{unit}"], strict=True))
