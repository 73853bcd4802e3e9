"""Map services that send pictures tile by tile: what the user named, and one level of its tiles."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cvgl_core.errors import SettingsError
from tiling.web.client import host_of, is_url, shown

Kind = Literal["xyz", "wmts", "wms"]
_KINDS: dict[str, Kind] = {"xyz": "xyz", "wmts": "wmts", "wms": "wms"}


@dataclass(frozen=True)
class Service:
    """A map service as the user named it.

    Attributes:
        kind: how it is asked.
        url: may hold credentials, so it is neither shown nor stored whole.
    """

    kind: Kind
    url: str = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called in an index."""
        return f"{self.kind}:{host_of(self.url)}"

    def __str__(self) -> str:
        return f"{self.kind}:{shown(self.url)}"


@dataclass(frozen=True)
class TileLevel:
    """One level of tiles of a map service, as far as it is wanted: a raster cut into tiles.

    Attributes:
        service: where it comes from.
        url: of a tile, with ``{x}`` and ``{y}``, ``{-y}`` or ``{bbox}`` to be filled in.
        label: which layer and level it is.
        crs: of the level.
        left: x of the edge of column 0.
        top: y of the edge of row 0.
        side: side of a pixel, in units of the CRS.
        tile_px: side of a tile.
        size: columns and rows of the whole level; 0 for a level without an end.
        first: column and row of the first tile that is wanted.
        count: number of columns and rows that are wanted.
        cache: folder that keeps what was fetched.
    """

    service: Service
    url: str = field(repr=False)
    label: str
    crs: str
    left: float
    top: float
    side: float
    tile_px: int
    size: tuple[int, int] = (0, 0)
    first: tuple[int, int] = (0, 0)
    count: tuple[int, int] = (1, 1)
    cache: Path = Path()

    @property
    def name(self) -> str:
        """What it is called in an index."""
        return f"{self.service.name} {self.label}"

    def __str__(self) -> str:
        return f"{self.service} {self.label}"

    @property
    def transform(self) -> tuple[float, float, float, float, float, float]:
        """From pixel (column, row) of the part that is wanted to the CRS."""
        left, top = self.corner(*self.first)
        return self.side, 0.0, left, 0.0, -self.side, top

    @property
    def fingerprint(self) -> str:
        """A hash of where the pixels come from; no service tells versions of its tiles apart."""
        facts = (str(self), self.crs, self.left, self.top, self.side, self.tile_px)
        return hashlib.sha256(repr(facts).encode()).hexdigest()

    def absolute(self) -> TileLevel:
        """Return itself, as a path does that holds in any folder."""
        return self

    def corner(self, col: int, row: int) -> tuple[float, float]:
        """Return x and y of the upper left corner of a tile."""
        return self.left + col * self.side * self.tile_px, self.top - row * self.side * self.tile_px

    def tile_url(self, col: int, row: int) -> str:
        """Return the URL of a tile; columns beyond the end go on at the other side of the world."""
        (left, top), (right, bottom) = self.corner(col, row), self.corner(col + 1, row + 1)
        values = {
            "{x}": str(col % self.size[0] if self.size[0] else col),
            "{y}": str(row),
            "{-y}": str(self.size[1] - 1 - row),
            "{bbox}": f"{left!r},{bottom!r},{right!r},{top!r}",
        }
        url = self.url
        for key, value in values.items():
            url = url.replace(key, value)
        return url


def parse_service(text: str) -> Service | None:
    """Return the map service that a text names; None if it names something else.

    ``https://host/{z}/{x}/{y}.png``, ``wmts:https://host/capabilities.xml?layer=NAME`` or
    ``wms:https://host/path?layers=NAME``.

    Raises:
        SettingsError: it is none, though it looks like one.
    """
    head, _, rest = text.partition(":")
    kind = _KINDS.get(head.lower())
    if kind is not None and is_url(rest):
        url = rest
    elif is_url(text) and "{" in text:
        kind, url = "xyz", text
    else:
        return None
    if kind == "xyz":
        blank = url
        for key in ("{z}", "{x}", "{y}", "{-y}"):
            blank = blank.replace(key, "")
        rows = ("{y}" in url) + ("{-y}" in url)
        if "{" in blank or not ("{z}" in url and "{x}" in url and rows == 1):
            raise SettingsError(
                f"{shown(url)[:200]}: a URL with {{z}}, {{x}} and {{y}} (or {{-y}}, counted from "
                "the south) is wanted, and nothing else in braces"
            )
    return Service(kind, url)
