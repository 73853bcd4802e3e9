"""Styles that QGIS 3.22 and newer take up by themselves: in a GeoPackage, or beside a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cvgl_core.export.page import render
from cvgl_core.export.search_grid import SHADES, Shade

VERDICT_COLOURS = {"located": "#18a565", "ambiguous": "#f0a020", "not_in_area": "#e05252"}
_CELL_WORDS = ("least likely", "unlikely", "possible", "likely", "likeliest")


@dataclass(frozen=True)
class Class:
    """What a value of an attribute looks like; colours as QGIS writes them: ``r,g,b,a``."""

    value: str | int
    label: str
    fill: str
    line: str
    width_mm: float


def cells_qml() -> str:
    """Return the style of search cells: five colours by ``shade``, 1 to 5."""
    classes = [
        Class(number, words, _rgba(shade), _rgba(Shade(shade.colour, 1.0)), 0.2)
        for number, (shade, words) in enumerate(zip(SHADES, _CELL_WORDS, strict=True), start=1)
    ]
    return _qml("shade", classes, polygons=True)


def estimates_qml() -> str:
    """Return the style of estimates: points coloured by ``verdict``."""
    classes = [
        Class(verdict, verdict.replace("_", " "), _rgba(Shade(colour, 1.0)), "255,255,255,255", 0.5)
        for verdict, colour in VERDICT_COLOURS.items()
    ]
    return _qml("verdict", classes, polygons=False)


def _qml(attribute: str, classes: Sequence[Class], polygons: bool) -> str:
    """Return the file of a style."""
    return render("layer.qml.j2", attribute=attribute, classes=classes, polygons=polygons)


def _rgba(shade: Shade) -> str:
    """Return a colour as QGIS writes it."""
    parts = [int(shade.colour[start : start + 2], 16) for start in (1, 3, 5)]
    return ",".join(map(str, (*parts, round(255 * shade.opacity))))
