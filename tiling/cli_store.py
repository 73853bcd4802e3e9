"""The commands of ``cvgl-tile`` that look into index folders, and after them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvgl_core.console import AsJson, ProgressAs, ProgressStyle, Verbose, progress_bar
from cvgl_core.errors import IndexCorruptError

if TYPE_CHECKING:
    from cvgl_core.index import Index

IndexPath = Annotated[Path, typer.Argument(metavar="CITY.cvgl", help="The index folder.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to ``cvgl-tile``."""
    for command in (info, verify, footprints, gc, merge, migrate):
        app.command()(command)


def info(index: IndexPath, as_json: AsJson = False, verbose: Verbose = 0) -> None:
    """Say what an index holds."""
    from cvgl_core.index import open_index

    sizes = [_facts(member) for member in open_index(index).members]
    facts = sizes[0]
    if len(sizes) > 1:
        sums = {name: sum(size[name] for size in sizes) for name in ("tiles", "blocks", "bytes")}
        facts = {"tile_sizes_m": [size["grid"]["tile_size_m"] for size in sizes], **sums}
        facts |= {"sizes": sizes} if as_json else {}
    if as_json:
        _print(json.dumps(facts, allow_nan=False))
        return
    for key, value in facts.items():
        if key == "sources":
            for source in value:
                _print(f"source: {source['name']} ({source['gsd_m_per_px']} m/px, {source['crs']})")
        else:
            _print(f"{key}: {value}")


def verify(index: IndexPath, as_json: AsJson = False, verbose: Verbose = 0) -> None:
    """Read every byte of an index; exit code 0 only if each is as it was written."""
    from cvgl_core.index import member_folders, read_manifest, verify_folder

    problems = verify_folder(index)
    if as_json:
        facts = {"index": str(index), "ok": not problems, "problems": problems}
        _print(json.dumps(facts, allow_nan=False))
    if problems:
        for folder in member_folders(index):
            read_manifest(folder)  # a missing index or another format has its own error
        for problem in problems[1:]:
            sys.stderr.write(f"cvgl-tile: {problem}\n")
        raise IndexCorruptError(problems[0])
    if not as_json:
        _print(f"{index}: every byte is as it was written")


def footprints(index: IndexPath, verbose: Verbose = 0) -> None:
    """Write the outlines of all tiles as a GeoJSON FeatureCollection."""
    from cvgl_core.geo import tile_geometry, tile_rings
    from cvgl_core.index import open_index

    opened = open_index(index)
    write = sys.stdout.write
    write('{"type":"FeatureCollection","features":[')
    number = 0
    for member in opened.members:
        for tile, ring in enumerate(tile_rings(member.grid, member.rows, member.cols)):
            name = opened.tile_id(number)
            feature = {
                "type": "Feature",
                "id": name,
                "geometry": tile_geometry(ring),
                "properties": {
                    "tile_id": name,
                    "lon": float(member.lons[tile]),
                    "lat": float(member.lats[tile]),
                    "valid_fraction": round(float(member.valid_fraction[tile]), 4),
                },
            }
            write(("," if number else "") + "\n" + json.dumps(feature, allow_nan=False))
            number += 1
    write("\n]}\n")


def gc(
    index: IndexPath,
    keep_hours: Annotated[
        float, typer.Option(min=0.0, help="Keep what was needed, or written, since so long ago.")
    ] = 24.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Remove what no version in use needs: leftovers of the version before and of killed builds."""
    from cvgl_core.index import find_garbage, remove_garbage

    found = (find_garbage if dry_run else remove_garbage)(index, keep_hours)
    facts = {
        "index": str(index),
        "dry_run": dry_run,
        "removed": [path.name for path in found.shards],
        "bytes": found.file_bytes,
        "kept": found.kept,
    }
    done = "would be removed" if dry_run else "removed"
    _tell(
        facts,
        as_json,
        f"{index}: {len(found.shards)} blocks {done}, {found.file_bytes / 1e6:.1f} MB; "
        f"{found.kept} unused ones younger than {keep_hours:g} hours kept",
    )


def merge(
    indexes: Annotated[
        list[Path],
        typer.Argument(metavar="A.cvgl B.cvgl ...", help="Parts of a build, or indexes."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="CITY.cvgl", help="The result.")
    ],
    progress_as: ProgressAs = ProgressStyle.AUTO,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Put indexes of one grid and model together; on one disk that takes no space."""
    from cvgl_core.index import make_ready, member_folders, merge_sizes

    with progress_bar(progress_as) as progress:
        merged = merge_sizes(indexes, output, progress)
        for folder in member_folders(output):
            make_ready(folder, progress)
    facts = {
        "index": str(output),
        "index_id": merged[0].index_id,
        "version": merged[0].version,
        "tiles": sum(manifest.tile_count for manifest in merged),
        "blocks": sum(len(manifest.shards) for manifest in merged),
        "merged": [str(path) for path in indexes],
    }
    _tell(
        facts,
        as_json,
        f"{output}: {facts['tiles']} tiles in {facts['blocks']} blocks, version {facts['version']}",
    )


def migrate(index: IndexPath, as_json: AsJson = False, verbose: Verbose = 0) -> None:
    """Bring an index of an older format to today's, in place; its tiles are not described again."""
    from cvgl_core.index import member_folders, migrate_index, read_manifest

    changed = False
    for folder in member_folders(index):
        before = read_manifest(folder)
        manifest = migrate_index(folder)
        changed |= manifest.version != before.version
    facts = {
        "index": str(index),
        "format_version": manifest.format_version,
        "version": manifest.version,
        "changed": changed,
    }
    done = f"now version {manifest.version}," if changed else "was already"
    _tell(facts, as_json, f"{index}: {done} of format {manifest.format_version}")


def _facts(index: Index) -> dict[str, Any]:
    """Return what an index of one tile size holds."""
    files = (path for path in index.path.rglob("*") if path.is_file())
    return index.manifest.model_dump(mode="json", exclude={"shards"}) | {
        "tiles": len(index),
        "blocks": len(index.manifest.shards),
        "bytes": sum(path.stat().st_size for path in files),
        "bbox": _bbox(index),
    }


def _bbox(index: Index) -> list[float]:
    """Return west, south, east, north of an index; west > east across the antimeridian."""
    import numpy as np

    from cvgl_core.geo import bbox, cut_antimeridian, to_lonlat

    edges = index.bounds()
    x_m = [edges.left_m, edges.right_m, edges.right_m, edges.left_m, edges.left_m]
    y_m = [edges.bottom_m, edges.bottom_m, edges.top_m, edges.top_m, edges.bottom_m]
    return list(bbox(cut_antimeridian(np.stack(to_lonlat(index.grid.crs, x_m, y_m), axis=-1))))


def _tell(facts: dict[str, Any], as_json: bool, line: str) -> None:
    """Write facts to stdout as JSON, or as a line for people."""
    _print(json.dumps(facts, allow_nan=False) if as_json else line)


def _print(line: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(line + "\n")
