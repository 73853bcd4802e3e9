"""What the user named as sources: files, folders, patterns, lists and catalogues, as single places.

Nothing is opened here but lists and catalogues; the order is the same on any machine.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cvgl_core.errors import RasterOpenError, SettingsError
from tiling.formats import RASTER_SUFFIXES
from tiling.remote import RemoteFile
from tiling.web import is_url

_MAX_LIST_BYTES = 64 << 20
_COMMENT = "#"


@dataclass(frozen=True)
class Source:
    """A place to read pixels from, before it is opened.

    Attributes:
        place: a file, here or on a server.
        acquired: when its pictures were taken, ISO 8601 in UTC; empty if nothing but the file
            itself can tell.
    """

    place: Path | RemoteFile
    acquired: str = ""


def list_sources(texts: list[str]) -> tuple[Source, ...]:
    """Return the places that ``texts`` name, in order, each once.

    A text is a file, a URL of a GeoTIFF, a folder (all rasters in it and below, by name), a
    pattern such as ``ortho/*.tif``, or ``@list.txt`` with one of these on each line, relative to
    the list.

    Raises:
        RasterOpenError: a folder, pattern or list names no raster.
    """
    found: dict[object, Source] = {}
    for text in texts:
        for source in _expand(text, Path()):
            found.setdefault(source.place, source)
    return tuple(found.values())


def _expand(text: str, base: Path) -> Iterator[Source]:
    """Yield what one text names; relative paths start at ``base``."""
    if text.startswith("@"):
        yield from _from_list(base / text[1:])
        return
    if is_url(text):
        yield Source(RemoteFile(text))
        return
    path = base / text
    if path.is_dir():
        yield from _from_folder(path)
    elif not path.exists() and glob.has_magic(text):
        names = sorted(glob.glob(text, root_dir=base, recursive=True))  # noqa: PTH207
        if not names:
            raise RasterOpenError(f"{text}: no file fits this pattern")
        for name in names:
            yield from (
                _from_folder(base / name) if (base / name).is_dir() else [Source(base / name)]
            )
    else:
        yield Source(path)


def _from_folder(folder: Path) -> Iterator[Source]:
    """Yield the rasters in a folder and below, hidden ones left out."""
    paths = [
        path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in RASTER_SUFFIXES and not _is_hidden(path, folder)
    ]
    if not paths:
        raise RasterOpenError(f"{folder}: is a folder without rasters; give overhead images")
    for path in paths:
        yield Source(path)


def _is_hidden(path: Path, folder: Path) -> bool:
    """Tell whether a name on the way from the folder to the file starts with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _from_list(path: Path) -> Iterator[Source]:
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
        yield from _expand(line, path.parent)
