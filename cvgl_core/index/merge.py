"""Several indexes put together to one: the parts of a shared build, or neighbouring areas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from cvgl_core.errors import SettingsError
from cvgl_core.index import shard as shards
from cvgl_core.index.manifest import SHARDS_NAME, Manifest, ShardRecord, digest_of, read_manifest
from cvgl_core.index.order import along_curve
from cvgl_core.index.threads import threaded
from cvgl_core.index.writer import IndexWriter
from cvgl_core.types import Progress, no_progress

_SAME = (
    "grid", "model", "weights_sha256", "aerial_px", "descriptor_dim", "precision", "runtime",
    "shared_trunk", "maps", "fill_rgb", "min_valid",
)  # fmt: skip
T = TypeVar("T")


@dataclass(frozen=True)
class _Piece:
    """An index to be put together with others."""

    path: Path
    manifest: Manifest


def merge_indexes(
    paths: Sequence[Path], output: Path, progress: Progress = no_progress
) -> Manifest:
    """Put indexes together; what they have in common is kept once.

    Files are linked where that is possible, so that it takes no space on the same disk.

    Args:
        paths: the indexes: all parts of one build, or whole ones of the same grid and model.
        output: the folder of the result; may be one of ``paths``.
        progress: told ``("blocks", done, total)``.

    Raises:
        SettingsError: they do not fit together: another grid, model or setting, a part is missing,
            or two hold different contents for the same tile.
        NoIndexError: one does not exist or holds no finished index.
        IndexCorruptError: a file is not as it was written.
        IndexLockedError: another process is writing the result.
        OutputError: the disk is full or the folder cannot be written.
    """
    pieces = [_Piece(path, read_manifest(path)) for path in paths]
    if not pieces:
        raise SettingsError("no index was given")
    _check_alike(pieces)
    _check_parts(pieces)
    chosen = _chosen(pieces)
    _check_tiles(chosen)
    manifest = _merged([piece.manifest for piece in pieces], chosen)
    needed = sum(
        shards.stored_bytes(each.path, record, each.manifest.descriptor_dim, each.manifest.maps)
        for record, each in chosen.values()
    )
    with IndexWriter(output, needed) as writer:
        for done, (record, piece) in enumerate(chosen.values()):
            progress("blocks", done, len(chosen))
            writer.adopt(piece.path, record, piece.manifest)
        progress("blocks", len(chosen), len(chosen))
        return writer.commit(manifest)


def _check_alike(pieces: Sequence[_Piece]) -> None:
    """Refuse indexes that cannot be searched as one."""
    first = pieces[0]
    for other in pieces[1:]:
        for name in _SAME:
            ours, theirs = (getattr(piece.manifest, name) for piece in (first, other))
            if ours != theirs:
                raise SettingsError(
                    f"{first.path} and {other.path} differ in {name} ({ours!s:.80}; "
                    f"{theirs!s:.80}); build one of them again with the settings of the other"
                )


def _check_parts(pieces: Sequence[_Piece]) -> None:
    """Refuse some parts of a build without the others."""
    parts = [piece.manifest.part for piece in pieces]
    if not any(parts):
        return
    first, ids = parts[0], {piece.manifest.index_id for piece in pieces}
    if first is None or len(ids) > 1 or any(p is None or p.count != first.count for p in parts):
        raise SettingsError(
            f"{pieces[0].path} and the others are not parts of the same build; merge the parts of "
            "each build first, all from the same rasters and settings"
        )
    numbers = {part.number for part in parts if part is not None}
    missing = sorted(set(range(1, first.count + 1)) - numbers)
    if missing:
        named = ", ".join(f"{number}/{first.count}" for number in missing[:10])
        raise SettingsError(
            f"{len(missing)} of {first.count} parts are missing: {named}; "
            "build them with --shard and name them too"
        )


def _chosen(pieces: Sequence[_Piece]) -> dict[str, tuple[ShardRecord, _Piece]]:
    """Return every shard once, with an index that has it, in the order of an index."""
    found: dict[str, tuple[ShardRecord, _Piece]] = {}
    for piece in pieces:
        for record in piece.manifest.shards:
            known, where = found.setdefault(record.name, (record, piece))
            if known != record:
                raise SettingsError(
                    f"{where.path} and {piece.path} hold different contents of {record.name}; "
                    "they were made on different kinds of machines: build one of them again"
                )
    ordered = along_curve(record for record, _ in found.values())
    return {record.name: found[record.name] for record in ordered}


def _check_tiles(chosen: dict[str, tuple[ShardRecord, _Piece]]) -> None:
    """Refuse a tile that two shards hold: one would have to be thrown away."""

    def places(item: tuple[ShardRecord, _Piece]) -> np.ndarray:
        record, piece = item
        folder, dim = piece.path / SHARDS_NAME, piece.manifest.descriptor_dim
        table = shards.load_array(folder, record, "tiles", dim)
        return table["row"].astype(np.int64) << 32 | table["col"].astype(np.int64) & 0xFFFFFFFF

    items = list(chosen.values())
    tables = list(threaded(places, items))
    if not tables:
        return
    every = np.concatenate(tables)
    owner = np.repeat(np.arange(len(items)), [len(table) for table in tables])
    order = np.argsort(every, kind="stable")
    twice = np.flatnonzero(np.diff(every[order]) == 0)
    if len(twice):
        one, two = (items[owner[order[at]]] for at in (twice[0], twice[0] + 1))
        raise SettingsError(
            f"{one[1].path} and {two[1].path} both hold {len(twice)} tiles, from different "
            f"imagery (such as those of {one[0].name} and {two[0].name}); build one index from "
            "the rasters of both, or leave that area out of one with --aoi"
        )


def _merged(
    manifests: Sequence[Manifest], chosen: dict[str, tuple[ShardRecord, _Piece]]
) -> Manifest:
    """Return what the result says of itself; of parts it is what a build at once would say."""
    ids = sorted({manifest.index_id for manifest in manifests})
    areas = {manifest.area for manifest in manifests}
    return manifests[0].model_copy(
        update={
            "index_id": ids[0] if len(ids) == 1 else digest_of(["merged", ids])[:32],
            "area": areas.pop() if len(areas) == 1 else "",
            "sources": _once(source for each in manifests for source in each.sources),
            "skipped": _once(source for each in manifests for source in each.skipped),
            "damaged": tuple(
                sorted(
                    {tile for each in manifests for tile in each.damaged},
                    key=lambda tile: (tile.row, tile.col, tile.source, tile.reason),
                )
            ),
            "shards": tuple(record for record, _ in chosen.values()),
            "part": None,
        }
    )


def _once(values: Iterable[T]) -> tuple[T, ...]:
    """Return values in order, each once."""
    return tuple(dict.fromkeys(values))
