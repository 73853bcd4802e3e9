"""What the user named as sources: files, folders, patterns, lists and services, as single places.

Nothing is opened here but lists and catalogues; the order is the same on any machine.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from cvgl_core.errors import RasterOpenError, SettingsError
from tiling.raster.formats import RASTER_SUFFIXES
from tiling.sources.places import Source
from tiling.sources.stac import STAC_SUFFIXES, is_stac, stac_sources
from tiling.web.client import is_url
from tiling.web.remote import RemoteFile
from tiling.web.services import parse_service

_MAX_LIST_BYTES = 64 << 20
_COMMENT = "#"


def list_sources(texts: list[str], asset: str = "") -> tuple[Source, ...]:
    """Return the places that ``texts`` name, in order, each once.

    A text is a file, a URL of a GeoTIFF, a map service, a STAC file, a folder (all STAC items and
    rasters in it and below, by name), a pattern such as ``ortho/*.tif``, or ``@list.txt`` with one
    of these on each line, relative to the list.

    Args:
        texts: what the user named.
        asset: key or role of the asset of STAC items.

    Raises:
        RasterOpenError: a folder, pattern or list names no raster.
        SettingsError: a map service is not named as it should be.
    """
    found: dict[object, Source] = {}
    for text in texts:
        for source in _expand(text, Path(), asset):
            found.setdefault(source.place, source)
    return tuple(found.values())


def _expand(text: str, base: Path, asset: str) -> Iterator[Source]:
    """Yield what one text names; relative paths start at ``base``."""
    service = parse_service(text)
    path = base / text
    if service is not None:
        yield Source(service)
    elif is_url(text):
        yield Source(RemoteFile(text))
    elif text.startswith("@"):
        yield from _from_list(base / text[1:], asset)
    elif not path.exists() and glob.has_magic(text):
        names = sorted(glob.glob(text, root_dir=base, recursive=True))  # noqa: PTH207
        if not names:
            raise RasterOpenError(f"{text}: no file fits this pattern")
        for name in names:
            yield from _from_path(base / name, asset)
    else:
        yield from _from_path(path, asset)


def _from_path(path: Path, asset: str) -> Iterator[Source]:
    """Yield what a path holds."""
    if path.is_dir():
        yield from _from_folder(path, asset)
    elif path.suffix.lower() in STAC_SUFFIXES and path.is_file():
        yield from stac_sources(path, asset)
    else:
        yield Source(path)


def _from_folder(folder: Path, asset: str) -> Iterator[Source]:
    """Yield what is in a folder and below, hidden files left out: STAC items, then rasters."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    empty = True
    for path in paths:
        if path.suffix.lower() in STAC_SUFFIXES and path.is_file() and is_stac(path):
            yield from stac_sources(path, asset, folder)
            empty = False
    for path in paths:
        if path.suffix.lower() in RASTER_SUFFIXES:
            yield Source(path)
            empty = False
    if empty:
        raise RasterOpenError(f"{folder}: is a folder without rasters; give overhead images")


def _from_list(path: Path, asset: str) -> Iterator[Source]:
    """Yield what the lines of a list name; empty lines and comments are skipped."""
    try:
        if path.stat().st_size > _MAX_LIST_BYTES:
            raise RasterOpenError(f"{path}: is too large for a list of sources")
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise RasterOpenError(f"{path}: cannot be read as a list of sources ({error})") from error
    wanted = [line for line in lines if line and not line.startswith(_COMMENT)]
    if not wanted:
        raise RasterOpenError(f"{path}: names no source; write one on each line")
    for line in wanted:
        if line.startswith("@"):
            raise SettingsError(f"{path}: a list in a list ({line[:80]}) is not read")
        yield from _expand(line, path.parent, asset)
