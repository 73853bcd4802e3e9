"""The commands of ``cvgl-tile`` that look after index folders: gc, merge, migrate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cvgl_core.console import AsJson, ProgressAs, ProgressStyle, Verbose, progress_bar

IndexPath = Annotated[Path, typer.Argument(metavar="CITY.cvgl", help="The index folder.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to ``cvgl-tile``."""
    for command in (gc, merge, migrate):
        app.command()(command)


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
    from cvgl_core.index import make_ready, merge_indexes

    with progress_bar(progress_as) as progress:
        manifest = merge_indexes(indexes, output, progress)
        make_ready(output, progress)
    facts = {
        "index": str(output),
        "index_id": manifest.index_id,
        "version": manifest.version,
        "tiles": manifest.tile_count,
        "blocks": len(manifest.shards),
        "merged": [str(path) for path in indexes],
    }
    _tell(
        facts,
        as_json,
        f"{output}: {manifest.tile_count} tiles in {len(manifest.shards)} blocks, "
        f"version {manifest.version}",
    )


def migrate(index: IndexPath, as_json: AsJson = False, verbose: Verbose = 0) -> None:
    """Bring an index of an older format to today's, in place; its tiles are not described again."""
    from cvgl_core.index import migrate_index, read_manifest

    before = read_manifest(index)
    manifest = migrate_index(index)
    changed = manifest.version != before.version
    facts = {
        "index": str(index),
        "format_version": manifest.format_version,
        "version": manifest.version,
        "changed": changed,
    }
    done = f"now version {manifest.version}," if changed else "was already"
    _tell(facts, as_json, f"{index}: {done} of format {manifest.format_version}")


def _tell(facts: dict[str, Any], as_json: bool, line: str) -> None:
    """Write facts to stdout as JSON, or as a line for people."""
    sys.stdout.write((json.dumps(facts, allow_nan=False) if as_json else line) + "\n")
