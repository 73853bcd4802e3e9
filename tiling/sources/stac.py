"""Lists of imagery in the STAC format: items and collections of items, from local files."""

from __future__ import annotations

import json
import os.path
from pathlib import Path
from typing import Any

from cvgl_core.errors import RasterOpenError
from cvgl_core.fsio import confined_path
from tiling.sources.dates import catalogue_date
from tiling.sources.places import BBox, Source
from tiling.web.client import is_url
from tiling.web.remote import RemoteFile

STAC_SUFFIXES = frozenset((".json", ".geojson"))
_MAX_BYTES = 1 << 30
_PICTURES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff", "image/png", "image/jpeg")


def stac_sources(path: Path, asset: str, folder: Path | None = None) -> tuple[Source, ...]:
    """Return what the items of a file name, in order.

    Args:
        path: a STAC item, or an item collection.
        asset: key or role of the asset of each item; if empty, "visual", else the only picture.
        folder: files must lie in it; the folder of ``path`` if None.

    Raises:
        RasterOpenError: it is no STAC file.
    """
    items = _items(path)
    if not items:
        raise RasterOpenError(f"{path}: is no STAC item or item collection")
    return tuple(_source(item, path, asset, folder or path.parent) for item in items)


def is_stac(path: Path) -> bool:
    """Tell whether a file is a STAC item or an item collection."""
    try:
        return bool(_items(path))
    except RasterOpenError:
        return False


def _items(path: Path) -> list[dict[str, Any]]:
    """Return the items of a file, none if it is something else."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise RasterOpenError(f"{path}: is too large for a list of STAC items")
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise RasterOpenError(f"{path}: cannot be read as STAC ({error})") from error
    if not isinstance(document, dict):
        return []
    found = document.get("features") if document.get("type") == "FeatureCollection" else [document]
    items = found if isinstance(found, list) else []
    whole = all(isinstance(item, dict) and isinstance(item.get("assets"), dict) for item in items)
    return items if whole else []


def _source(item: dict[str, Any], path: Path, asset: str, folder: Path) -> Source:
    """Return what one item names; what is wrong with it is told when it is looked at."""
    name = str(item.get("id") or path.name)[:200]
    properties = item.get("properties")
    dates = properties if isinstance(properties, dict) else {}
    date = catalogue_date(str(dates.get("datetime") or dates.get("start_datetime") or ""))
    try:
        return Source(_place(_href(item["assets"], asset), path, folder), date, _bbox(item), True)
    except ValueError as error:
        return Source(Path(name), date, problem=f"{path}: item {name}: {error}")


def _href(assets: dict[str, Any], wanted: str) -> str:
    """Return where the asset lies that is wanted.

    Raises:
        ValueError: there is none, or it is not clear which.
    """
    listed = {k: a for k, a in assets.items() if isinstance(a, dict) and a.get("href")}
    for key in (wanted,) if wanted else ("visual",):
        fitting = [listed[key]] if key in listed else [a for a in listed.values() if _has(a, key)]
        if len(fitting) == 1:
            return str(fitting[0]["href"])
    if not wanted:
        pictures = [a for a in listed.values() if str(a.get("type", "")).startswith(_PICTURES)]
        if len(pictures) == 1:
            return str(pictures[0]["href"])
    raise ValueError(f"choose one of its assets with --asset: {', '.join(listed)[:300]}")


def _has(asset: dict[str, Any], role: str) -> bool:
    """Tell whether an asset plays a role."""
    roles = asset.get("roles")
    return isinstance(roles, list) and role in roles


def _place(href: str, path: Path, folder: Path) -> Path | RemoteFile:
    """Return where an asset lies: on a server, or in the folder of the list.

    Raises:
        ValueError: it lies anywhere else.
    """
    if is_url(href):
        return RemoteFile(href)
    if "://" in href:
        raise ValueError(f"{href[:200]} is neither a file nor http")
    try:
        inside = Path(_steps(path.parent.resolve(), href)).relative_to(folder.resolve())
        return folder / confined_path(folder, str(inside)).relative_to(folder)
    except (ValueError, OSError) as error:
        raise ValueError(f"{href[:200]} lies outside the folder of the list") from error


def _steps(base: Path, href: str) -> Path:
    """Return where a relative or absolute name leads from a folder, without looking at links."""
    return Path(os.path.normpath(base / href))


def _bbox(item: dict[str, Any]) -> BBox | None:
    """Return west, south, east, north of an item in degrees, east beyond 180 if it crosses it."""
    box = item.get("bbox")
    if not isinstance(box, list) or len(box) not in (4, 6):
        return None
    if not all(isinstance(value, int | float) for value in box):
        return None
    half = len(box) // 2
    west, south, east, north = box[0], box[1], box[half], box[half + 1]
    return west, south, east + 360.0 if east < west else east, north
