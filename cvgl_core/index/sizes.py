"""Tiles of several sizes under one path: an index for each size, and a small file that names them.

``sizes.json`` names the folders of the members, such as ``36m`` and ``72m``; each is an index like
any other. It is written when all are whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cvgl_core import fsio
from cvgl_core.errors import IndexCorruptError, NoIndexError, OutputError, SettingsError
from cvgl_core.index.collection import Collection, nested
from cvgl_core.index.manifest import (
    SIZES_NAME,
    Manifest,
    Record,
    parse_record,
    read_manifest,
    sealed_bytes,
    unseal,
)
from cvgl_core.index.merge import merge_indexes
from cvgl_core.index.reader import Index
from cvgl_core.types import Progress, no_progress

_MAX_BYTES = 1 << 16

MemberName = Annotated[str, Field(pattern=r"^[0-9]{1,5}(\.[0-9]{1,6})?m$")]


class SizesRecord(Record):
    """The members of an index of several tile sizes, smallest first."""

    format: Literal["cvgl-sizes"] = "cvgl-sizes"
    format_version: Literal[1] = 1
    members: tuple[MemberName, ...] = Field(min_length=2, max_length=16)


def member_name(tile_size_m: float) -> str:
    """Return the name of the folder for tiles of a size."""
    return f"{tile_size_m:.10g}m"


def check_sizes(sizes_m: Sequence[float]) -> tuple[float, ...]:
    """Return tile sizes in ascending order.

    Raises:
        SettingsError: one is no size, or no whole multiple of the smallest: pixels of the larger
            tiles must be whole numbers of those of the smallest.
    """
    ordered = tuple(sorted(set(sizes_m)))
    if not ordered or not 0.0 < ordered[0] <= ordered[-1] < 1e5:
        raise SettingsError(f"tile sizes of {_listed(ordered)} m are impossible")
    if len(ordered) > 16 or not all(nested(ordered[0], size) for size in ordered):
        raise SettingsError(
            f"tile sizes of {_listed(ordered)} m do not fit together: each must be a whole "
            "multiple of the smallest, such as 36,72,144"
        )
    return ordered


def member_folders(path: Path) -> tuple[Path, ...]:
    """Return the folders of an index of several sizes, or the one of a plain index: ``path``.

    Raises:
        IndexCorruptError: the file that names them is not as it was written.
    """
    record = _read(path)
    return (path,) if record is None else tuple(path / name for name in record.members)


def open_index(path: Path | str) -> Index | Collection:
    """Open an index folder, of one tile size or of several; see ``Index.open``.

    Raises:
        NoIndexError: the folder does not exist or holds no finished index.
        IndexCorruptError: a file is missing or not as it was written.
        IndexVersionError: it was written in another format.
    """
    folders = member_folders(Path(path))
    members = [Index.open(folder) for folder in folders]
    if len(members) == 1:
        return members[0]
    for member in members:
        _check_member(member.path, member.manifest.tile_size_m)
    return Collection(members, Path(path))


def misplaced(path: Path) -> list[str]:
    """Return which members of an index are not of the size that they are named after."""
    problems: list[str] = []
    for folder in member_folders(path):
        if folder != path:
            try:
                _check_member(folder, read_manifest(folder).tile_size_m)
            except (IndexCorruptError, NoIndexError) as error:
                problems.append(str(error))
    return problems


def claim_sizes(path: Path, sizes_m: Sequence[float]) -> tuple[Path, ...]:
    """Return the folder for each size of an index that is to hold several.

    Raises:
        OutputError: the folder holds something else.
        SettingsError: it holds a plain index, or sizes that are not asked for.
    """
    folders = tuple(path / member_name(size) for size in sizes_m)
    wanted = {folder.name for folder in folders}
    with fsio.output_errors(path):
        there = {one.name for one in path.iterdir()} if path.is_dir() else set()
    if path.is_file() or (there and not there & (wanted | {SIZES_NAME, "manifest.json"})):
        raise OutputError(f"{path}: is no index folder; give an empty or new one")
    if "manifest.json" in there:
        raise SettingsError(f"{path}: holds an index of one tile size; give another folder")
    record = _read(path)
    others = set() if record is None else set(record.members) - wanted
    if others:
        raise SettingsError(
            f"{path}: holds tiles of {', '.join(sorted(others))} too; name all sizes, or another "
            "folder"
        )
    return folders


def write_sizes(path: Path, folders: Sequence[Path]) -> None:
    """Make members the index at ``path``; if they are already, nothing is written.

    Raises:
        OutputError: the disk is full or the folder cannot be written.
    """
    data = sealed_bytes(SizesRecord(members=tuple(folder.name for folder in folders)))
    target = path / SIZES_NAME
    with fsio.output_errors(target):
        known = target.is_file() and target.read_bytes() == data
    if not known:
        fsio.write_bytes(target, data)


def merge_sizes(
    paths: Sequence[Path], output: Path, progress: Progress = no_progress
) -> tuple[Manifest, ...]:
    """Put indexes together, each size with its like; see ``merge_indexes``.

    Raises:
        SettingsError: they have not the same sizes, or one size does not fit together.
    """
    each = [member_folders(path) for path in paths]
    if all(len(folders) == 1 for folders in each):
        return (merge_indexes(paths, output, progress),)
    names = [tuple(folder.name for folder in folders) for folders in each]
    for path, other in zip(paths, names, strict=True):
        if len(other) == 1 or other != names[0]:
            raise SettingsError(
                f"{paths[0]} and {path} hold tiles of other sizes; build one of them again"
            )
    folders = claim_sizes(output, [float(name[:-1]) for name in names[0]])
    alike = zip(*each, strict=True)
    merged = [
        merge_indexes(same, folder, progress) for same, folder in zip(alike, folders, strict=True)
    ]
    write_sizes(output, folders)
    return tuple(merged)


def _read(path: Path) -> SizesRecord | None:
    """Return the record of a folder; None if it is that of a plain index.

    Raises:
        IndexCorruptError: it is not as it was written.
    """
    source = path / SIZES_NAME
    try:
        with source.open("rb") as stream:
            data = stream.read(_MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise IndexCorruptError(f"{source}: cannot be read ({error.strerror or error})") from error
    record = parse_record(SizesRecord, unseal(data, source), source)
    for name in record.members:
        if (path / name).is_symlink():
            raise IndexCorruptError(f"{path / name}: leads out of the index folder")
    return record


def _check_member(folder: Path, tile_size_m: float) -> None:
    """Refuse an index in the place of another size's.

    Raises:
        IndexCorruptError: it is of another size than its folder is named after.
    """
    if folder.name != member_name(tile_size_m):
        raise IndexCorruptError(
            f"{folder}: holds tiles of {tile_size_m:g} m; get the folder again or build it again"
        )


def _listed(sizes_m: Sequence[float]) -> str:
    """Return sizes as text."""
    return ", ".join(f"{size:g}" for size in sizes_m)
