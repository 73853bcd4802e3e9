"""What a WMTS says of itself: its layers and their levels of tiles."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from xml.etree.ElementTree import Element  # for the type only; defusedxml parses

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from pyproj import CRS
from pyproj.exceptions import CRSError

from cvgl_core.errors import RasterOpenError, SettingsError
from cvgl_core.geo import is_metric
from tiling.web.client import get, host_of
from tiling.web.services import Service, TileLevel

_MAX_BYTES = 64 << 20
_PIXEL_M = 0.00028  # OGC's standardised pixel
_OWN_KEYS = ("layer", "tilematrixset", "style", "format")
_FORMATS = ("image/png", "image/jpeg", "image/jpg", "image/webp")


def wmts_levels(service: Service) -> tuple[TileLevel, ...]:
    """Return the levels of the layer that a service names, as the server lists them.

    Raises:
        SettingsError: it has no such layer, or none in a CRS in metres.
        RasterError: the server fails, or what it says is not understood.
    """
    parts = urlsplit(service.url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    asked = {key.lower(): value for key, value in pairs if key.lower() in _OWN_KEYS}
    query = {key: value for key, value in pairs if key.lower() not in _OWN_KEYS}
    if not parts.path.lower().endswith(".xml"):
        defaults = {"service": "WMTS", "request": "GetCapabilities"}
        query = {k: v for k, v in defaults.items() if k not in map(str.lower, query)} | query
    answer = get(urlunsplit(parts._replace(query=urlencode(query))), _MAX_BYTES)
    try:
        root: Element = ElementTree.fromstring(answer.body if answer else b"", forbid_dtd=True)
        contents = _one(root, "Contents")
        layer = _layer(service, contents, asked.get("layer", ""))
        matrices = _matrix_set(service, contents, layer, asked.get("tilematrixset", ""))
        crs = _crs(matrices)
        template = _template(service, root, layer, matrices, asked)
        return tuple(_level(service, layer, crs, m, template) for m in _all(matrices, "TileMatrix"))
    except (ElementTree.ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise RasterOpenError(f"{service}: does not describe itself as a WMTS ({error})") from error


def _layer(service: Service, contents: Element, name: str) -> Element:
    """Return the layer of a name."""
    layers = {_text(layer, "Identifier"): layer for layer in _all(contents, "Layer")}
    if name not in layers:
        known = ", ".join(sorted(layers)[:10])
        raise SettingsError(f"{service}: name a layer in the URL, ?layer=NAME; it has {known:.500}")
    return layers[name]


def _matrix_set(service: Service, contents: Element, layer: Element, name: str) -> Element:
    """Return the set of levels of a layer: the one asked for, or the first in metres."""
    sets = {_text(one, "Identifier"): one for one in _all(contents, "TileMatrixSet")}
    linked = [_text(link, "TileMatrixSet") for link in _all(layer, "TileMatrixSetLink")]
    fitting = [sets[one] for one in linked if one in sets and name in ("", one)]
    for one in fitting:
        if is_metric(_crs(one)):
            return one
    raise SettingsError(
        f"{service}: its layer has no levels in a projected CRS in metres, only "
        f"{', '.join(linked):.300}"
    )


def _template(
    service: Service, root: Element, layer: Element, matrices: Element, asked: dict[str, str]
) -> str:
    """Return the URL of a tile with {TileMatrix}, {TileRow} and {TileCol}.

    Raises:
        SettingsError: it leads to a host that the user has not named.
    """
    styles = sorted(_all(layer, "Style"), key=lambda style: style.get("isDefault") != "true")
    style = asked.get("style") or (_text(styles[0], "Identifier") if styles else "default")
    formats = [(one.text or "").strip() for one in _all(layer, "Format")]
    form = asked.get("format") or next((f for f in _FORMATS if f in formats), "image/png")
    urls = [
        one.get("template", "")
        for one in _all(layer, "ResourceURL")
        if one.get("resourceType") == "tile" and one.get("format", form) == form
    ]
    if urls:
        url = urls[0]
        for key, value in (
            ("Style", style),
            ("style", style),
            ("TileMatrixSet", _text(matrices, "Identifier")),
        ):
            url = url.replace(f"{{{key}}}", quote(value))
    else:
        query = {
            "service": "WMTS",
            "request": "GetTile",
            "version": "1.0.0",
            "layer": _text(layer, "Identifier"),
            "style": style,
            "format": form,
            "tilematrixset": _text(matrices, "Identifier"),
        }
        base = urlsplit(service.url)._replace(query="", fragment="")
        ends = "&tilematrix={TileMatrix}&tilerow={TileRow}&tilecol={TileCol}"
        url = urlunsplit(base._replace(query=urlencode(query))) + ends
    if host_of(url) != host_of(service.url) or not url.lower().startswith(("http://", "https://")):
        raise SettingsError(
            f"{service}: sends tiles from another host, {host_of(url)[:200]!r}; name its tiles as "
            "xyz:URL if you mean to use it"
        )
    return url


def _level(service: Service, layer: Element, crs: str, matrix: Element, url: str) -> TileLevel:
    """Return one level of tiles."""
    first, second = (float(value) for value in _text(matrix, "TopLeftCorner").split())
    if CRS.from_user_input(crs).axis_info[0].direction == "north":
        first, second = second, first
    name = _text(matrix, "Identifier")
    width, height = int(_text(matrix, "TileWidth")), int(_text(matrix, "TileHeight"))
    if width != height or not 16 <= width <= 4096:
        raise ValueError(f"tiles of {width} x {height} pixels")
    return TileLevel(
        service=service,
        url=url.replace("{TileMatrix}", quote(name))
        .replace("{TileCol}", "{x}")
        .replace("{TileRow}", "{y}"),
        label=f"{_text(layer, 'Identifier')[:80]} level {name[:40]}",
        crs=crs,
        left=first,
        top=second,
        side=float(_text(matrix, "ScaleDenominator")) * _PIXEL_M,
        tile_px=width,
        size=(int(_text(matrix, "MatrixWidth")), int(_text(matrix, "MatrixHeight"))),
    )


def _crs(matrices: Element) -> str:
    """Return the CRS of a set of levels, as "EPSG:n" if it has such a number."""
    text = _text(matrices, "SupportedCRS")
    try:
        crs = CRS.from_user_input(text)
    except CRSError as error:
        raise ValueError(f"CRS {text[:80]!r}") from error
    number = crs.to_epsg()
    return f"EPSG:{number}" if number else str(crs.to_wkt())


def _all(parent: Element, name: str) -> Iterator[Element]:
    """Yield the children of a name, in any name space."""
    return (child for child in parent if child.tag.rpartition("}")[2] == name)


def _one(parent: Element, name: str) -> Element:
    """Return the first child of a name."""
    for child in _all(parent, name):
        return child
    raise LookupError(f"no {name}")


def _text(parent: Element, name: str) -> str:
    """Return the text of the first child of a name."""
    return (_one(parent, name).text or "").strip()
