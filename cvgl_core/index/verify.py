"""Reading every byte of an index folder and saying what is not as it was written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from cvgl_core.errors import IndexFolderError
from cvgl_core.index import shard as shards
from cvgl_core.index.manifest import SHARDS_NAME, ShardRecord, read_manifest
from cvgl_core.index.reader import Index
from cvgl_core.index.sizes import member_folders, misplaced
from cvgl_core.index.table import check_table, tables_except
from cvgl_core.index.threads import threaded

_LOG = logging.getLogger(__name__)


def verify_folder(path: Path) -> list[str]:
    """Read every byte of an index folder and return what is not as it was written."""
    try:
        folders = member_folders(path)
        problems = [] if len(folders) == 1 else misplaced(path)
    except IndexFolderError as error:
        return [str(error)]
    return problems + [problem for folder in folders for problem in _member_problems(folder)]


def _member_problems(path: Path) -> list[str]:
    """Return what is not as it was written in an index of one tile size."""
    try:
        manifest = read_manifest(path)
    except IndexFolderError as error:
        return [str(error)]
    folder = path / SHARDS_NAME
    listed = {record.name: record for record in manifest.shards}
    others = {p.name for p in folder.iterdir() if p.name[0] != "."} if folder.is_dir() else set()
    names = (*listed, *sorted(others - listed.keys()))
    found = threaded(lambda name: list(_problems(folder, name, listed.get(name))), names)
    problems = [problem for each in found for problem in each]
    for other in tables_except(path, manifest):
        _LOG.warning("%s: belongs to no version of the index; cvgl-tile gc removes it", other)
    try:
        check_table(path, manifest)
        if manifest.shards and not problems:
            Index.open(path)
    except IndexFolderError as error:
        problems.append(str(error))
    return problems


def _problems(folder: Path, name: str, listed: ShardRecord | None) -> Iterator[str]:
    """Yield what is wrong with a shard, one that the manifest lists or another."""
    try:
        record = shards.read_record(folder, name)
    except IndexFolderError as error:
        yield str(error)
        return
    if listed is not None and listed != record:
        yield f"{folder / name}: belongs to another index"
    for key in shards.file_keys(record):
        try:
            shards.check_file(folder, record, key)
        except IndexFolderError as error:
            yield str(error)
