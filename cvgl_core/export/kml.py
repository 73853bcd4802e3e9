"""Results as KML 2.2: places, squares coloured by probability, and a search grid to share out."""

from __future__ import annotations

import html
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cvgl_core.export.rows import report_link
from cvgl_core.export.saved import Row, SavedResult
from cvgl_core.export.search_grid import SHADES, SearchCell, read_search_grid, shade_of
from cvgl_core.export.words import percent, plain
from cvgl_core.fsio import atomic_path
from cvgl_core.types import Failure

NAMESPACE = "http://www.opengis.net/kml/2.2"
REGION_LINE = "ffff2df9"
_FAILED = "Photos that could not be used"


def write_kml(path: Path, rows: Iterable[Row], cell_m: float | None = None) -> None:
    """Write one folder per photo atomically.

    In it: the estimate, its regions, its candidates, and where there is a heatmap beside the
    result the search grid, each cell a placemark of its own to tick off.

    Raises:
        ResultFileError: a heatmap cannot be read.
        OutputError: the disk is full or the folder cannot be written.
    """
    failures: list[Failure] = []
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        stream.write(
            f'<?xml version="1.0" encoding="utf-8"?>\n<kml xmlns="{NAMESPACE}">\n'.encode()
        )
        stream.write(b"<Document>\n")
        for element in _head(path.stem):
            stream.write(_bytes(element))
        for row in rows:
            if isinstance(row, Failure):
                failures.append(row)
            else:
                stream.write(_bytes(_photo(path, row, cell_m)))
        if failures:
            stream.write(_bytes(_failures(failures)))
        stream.write(b"</Document>\n</kml>\n")


def _bytes(element: ET.Element) -> bytes:
    """Return an element of the document: one photo is held at a time."""
    ET.indent(element, " ")
    data: bytes = ET.tostring(element, encoding="utf-8")
    return data + b"\n"


def _failures(failures: Sequence[Failure]) -> ET.Element:
    """Return the folder of photos that have no place."""
    folder = _folder(_FAILED)
    for failure in failures:
        said = f"{html.escape(failure.error)}: {html.escape(plain(failure.message))}"
        mark = _placemark(folder, failure.item, said)
        _data(mark, {"status": "failed", "error": failure.error, "message": failure.message})
    return folder


def _photo(path: Path, result: SavedResult, cell_m: float | None) -> ET.Element:
    """Return the folder of a photo."""
    folder = _folder(str(result.estimate["photo"]) or result.name)
    _estimate(folder, path, result)
    for region in result.features("credible_region"):
        mark = _placemark(folder, f"{region['properties']['level']:.0%} region")
        _add(mark, "styleUrl", "#region")
        _multi(mark, region["geometry"]["coordinates"])
    candidates = result.features("candidate")
    if candidates:
        _candidates(_folder("Candidates", folder), candidates)
    if result.heatmap is not None:
        _cells(_folder("Search grid", folder), read_search_grid(result.heatmap, cell_m))
    return folder


def _estimate(folder: ET.Element, path: Path, result: SavedResult) -> None:
    """Add the place, what is said of it, and a view of it."""
    values = result.estimate
    words = [f"{values['verdict']} ({values['confidence']}), {percent(values['probability'])}"]
    if values.get("analyst_confidence"):
        words.append(f"analyst: {values['analyst_confidence']}")
    if values.get("analyst_note"):
        words.append(plain(values["analyst_note"], limit=2000))
    described = "<br/>".join(html.escape(word) for word in words)
    link = report_link(path, result)
    if link is not None:
        described += f'<br/><a href="{quote(link)}">report</a>'
    mark = _placemark(folder, str(values["photo"]) or result.name, described)
    look = _add(mark, "LookAt")
    _add(look, "longitude", values["lon"])
    _add(look, "latitude", values["lat"])
    _add(look, "heading", values["heading_deg"] or 0.0)
    _add(look, "tilt", 0)
    _add(look, "range", max(200.0, 4.0 * (values["radius_90_m"] or 0.0)))
    _data(mark, values)
    _add(_add(mark, "Point"), "coordinates", f"{values['lon']},{values['lat']}")


def _candidates(folder: ET.Element, candidates: Sequence[dict[str, Any]]) -> None:
    """Add the candidates' squares, coloured by probability."""
    peak = max(feature["properties"]["probability"] for feature in candidates)
    for feature in candidates:
        values, shape = feature["properties"], feature["geometry"]
        mark = _placemark(folder, f"{values['rank']}: {percent(values['probability'])}")
        _add(mark, "styleUrl", _style(values["probability"], peak))
        _data(mark, values)
        polygons = shape["coordinates"]
        _multi(mark, [polygons] if shape["type"] == "Polygon" else polygons)


def _cells(folder: ET.Element, cells: Sequence[SearchCell]) -> None:
    """Add the cells of the search grid, the likeliest first; ``searched`` is there to be set."""
    for cell in cells:
        mark = _placemark(folder, f"{cell.rank}: {percent(cell.probability)}")
        _add(mark, "styleUrl", _style(cell.probability, cells[0].probability))
        _data(mark, {"rank": cell.rank, "probability": cell.probability, "searched": False})
        _multi(mark, cell.polygons)


def _head(name: str) -> Iterator[ET.Element]:
    """Yield the name of the document and its colours."""
    element = ET.Element("name")
    element.text = plain(name)
    yield element
    for number, shade in enumerate(SHADES):
        style = ET.Element("Style", id=f"p{number}")
        red, green, blue = shade.colour[1:3], shade.colour[3:5], shade.colour[5:7]
        turned = blue + green + red  # as KML writes colours: aabbggrr
        _add(_add(style, "LineStyle"), "color", f"ff{turned}")
        _add(_add(style, "PolyStyle"), "color", f"{round(255 * shade.opacity):02x}{turned}")
        yield style
    style = ET.Element("Style", id="region")
    line = _add(style, "LineStyle")
    _add(line, "color", REGION_LINE)
    _add(line, "width", 2)
    _add(_add(style, "PolyStyle"), "fill", 0)
    yield style


def _style(probability: float, peak: float) -> str:
    """Return the colour of a probability."""
    return f"#p{shade_of(probability, peak)}"


def _folder(name: str, parent: ET.Element | None = None) -> ET.Element:
    """Return a folder, in another one if there is one."""
    folder = ET.Element("Folder") if parent is None else _add(parent, "Folder")
    _add(folder, "name", plain(name))
    return folder


def _placemark(parent: ET.Element, name: str, described: str | None = None) -> ET.Element:
    """Add a placemark; ``described`` is HTML."""
    mark = _add(parent, "Placemark")
    _add(mark, "name", plain(name))
    if described is not None:
        _add(mark, "description", described)
    return mark


def _data(mark: ET.Element, values: dict[str, Any]) -> None:
    """Add values as attributes; null ones are left out."""
    extended = _add(mark, "ExtendedData")
    for name, value in values.items():
        if value is not None:
            shown = str(value).lower() if isinstance(value, bool) else plain(value, limit=2000)
            _add(_add(extended, "Data", name=name), "value", shown)


def _multi(mark: ET.Element, polygons: Sequence[Any]) -> None:
    """Add polygons, each an outer ring and its holes of longitude and latitude."""
    shapes = _add(mark, "MultiGeometry")
    for outer, *holes in polygons:
        polygon = _add(shapes, "Polygon")
        for tag, ring in [("outerBoundaryIs", outer), *(("innerBoundaryIs", one) for one in holes)]:
            places = " ".join(f"{lon},{lat}" for lon, lat in ring)
            _add(_add(_add(polygon, tag), "LinearRing"), "coordinates", places)


def _add(parent: ET.Element, tag: str, text: object = None, **attributes: str) -> ET.Element:
    """Add an element and return it."""
    element = ET.SubElement(parent, tag, attributes)
    if text is not None:
        element.text = str(text)
    return element
