"""The command ``cvgl-tile``: from overhead rasters to an index that photos can be looked up in."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvgl_core.console import (
    INTERRUPTED,
    AsJson,
    ProgressAs,
    ProgressStyle,
    Verbose,
    progress_bar,
    run,
)
from cvgl_core.errors import SettingsError
from tiling.cli_store import add_commands
from tiling.cutting_options import (
    Aoi,
    GridCrs,
    Imagery,
    MinValid,
    Overlap,
    Thumbnails,
    TileSize,
    cutting,
)
from tiling.engines import DEFAULT_MODEL
from tiling.network_options import PrecisionName, RuntimeName, SharedTrunk, chosen_network
from tiling.sources.options import (
    Asset,
    Bands,
    DateInName,
    Order,
    SourceCrs,
    Sources,
    Stretch,
    Strict,
    Terms,
    TileCache,
    Zoom,
    listed_sources,
    taking_of,
)
from tiling.sources.precedence import Precedence

if TYPE_CHECKING:
    from cvgl_core.index import DamagedRecord, Manifest
    from tiling.build import BuildResult
    from tiling.crews.crew import Crew
    from tiling.engines import TileDescriber
    from tiling.estimate import Estimate
    from tiling.plan import Plan

app = typer.Typer(
    name="cvgl-tile",
    help="Cut overhead rasters into ground squares, describe them, and keep them in an index.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Model = Annotated[str, typer.Option(help="Name of a model, or a file of weights.")]
Device = Annotated[str, typer.Option(help="Where the network runs: auto, cpu or cuda.")]
Maps = Annotated[
    bool,
    typer.Option(
        "--maps/--no-maps",
        help="Keep the tiles' detailed maps (4 KB each): re-ranking then reads no image.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, max=4096, help="Processes that work; as many as fit if not given."),
]
Shard = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Only this part of N, for array jobs; see merge."),
]
EngineName = Annotated[
    str, typer.Option("--engine", help="Whose processes: local, or ray for those of a cluster.")
]


@app.command()
def build(
    sources: Sources,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="CITY.cvgl", help="The index.")],
    model: Model = DEFAULT_MODEL,
    aoi: Aoi = None,
    tile_size_m: TileSize = None,
    overlap: Overlap = 0.5,
    min_valid: MinValid = 0.25,
    crs: GridCrs = None,
    source_crs: SourceCrs = None,
    bands: Bands = None,
    precedence: Order = Precedence.ORDER,
    date_in_name: DateInName = "",
    strict: Strict = False,
    stretch: Stretch = None,
    asset: Asset = "",
    zoom: Zoom = None,
    accept_terms: Terms = None,
    tile_cache: TileCache = None,
    device: Device = "auto",
    precision: PrecisionName = "auto",
    runtime: RuntimeName = "auto",
    shared_trunk: SharedTrunk = None,
    maps: Maps = True,
    imagery: Imagery = None,
    thumbnails: Thumbnails = None,
    workers: Workers = None,
    shard: Shard = None,
    engine: EngineName = "local",
    progress_as: ProgressAs = ProgressStyle.AUTO,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Make an index; run again, it goes on where it stopped, or takes in what has changed."""
    from cvgl_core.index import make_ready
    from tiling.crews.sharding import parse_part
    from tiling.sizes import build_sizes

    part = None if shard is None else parse_part(shard)
    wanted = cutting(aoi, tile_size_m, overlap, min_valid, crs, imagery, output, thumbnails)
    taking = taking_of(
        source_crs, bands, precedence, date_in_name, strict, stretch, accept_terms, zoom, tile_cache
    )
    listed = listed_sources(sources, asset)
    describer, shared = chosen_network(model, device, precision, runtime, shared_trunk, output)
    crew = _crew(engine, workers, describer, model, device)
    start = time.monotonic()
    with progress_bar(progress_as) as progress:
        rasters, each = wanted.surveyed(listed, taking, describer.card, progress)
        results = build_sizes(
            rasters, output, describer, each, maps=maps, shared_trunk=shared, part=part,
            crew=crew, progress=progress,
        )  # fmt: skip
        if part is None:
            for result in results:
                make_ready(result.folder, progress)
    seconds = {"seconds": round(time.monotonic() - start, 1)}
    if not as_json:
        for result in results:
            _print_build(_build_facts(result))
    elif len(results) == 1:
        _print_json(_build_facts(results[0]) | seconds)
    else:
        sizes = [_build_facts(result) for result in results]
        _print_json({"index": str(output), "tiles": _sum(sizes, "tiles"), "sizes": sizes} | seconds)


@app.command()
def plan(
    sources: Sources,
    model: Model = DEFAULT_MODEL,
    aoi: Aoi = None,
    tile_size_m: TileSize = None,
    overlap: Overlap = 0.5,
    min_valid: MinValid = 0.25,
    crs: GridCrs = None,
    source_crs: SourceCrs = None,
    bands: Bands = None,
    precedence: Order = Precedence.ORDER,
    date_in_name: DateInName = "",
    strict: Strict = False,
    stretch: Stretch = None,
    asset: Asset = "",
    zoom: Zoom = None,
    accept_terms: Terms = None,
    tile_cache: TileCache = None,
    device: Device = "auto",
    precision: PrecisionName = "auto",
    runtime: RuntimeName = "auto",
    shared_trunk: SharedTrunk = None,
    maps: Maps = True,
    imagery: Imagery = None,
    as_json: AsJson = False,
    verbose: Verbose = 0,
) -> None:
    """Say how many tiles a build would make, how large it would be, and how long it would take."""
    from cvgl_core.index import map_record
    from tiling.estimate import estimate_build
    from tiling.plan import make_plan

    wanted = cutting(aoi, tile_size_m, overlap, min_valid, crs, imagery)
    taking = taking_of(
        source_crs, bands, precedence, date_in_name, strict, stretch, accept_terms, zoom, tile_cache
    )
    listed = listed_sources(sources, asset)
    describer, shared = chosen_network(model, device, precision, runtime, shared_trunk)
    with progress_bar() as progress:
        rasters, each = wanted.surveyed(listed, taking, describer.card, progress)
        kept = map_record(describer.map_shape) if maps else None
        sizes, prints = [], None
        for settings in each:
            planned = make_plan(
                rasters, describer.card, settings, progress, kept, describer.precision,
                describer.shared_trunk if shared else "", describer.runtime, prints,
            )  # fmt: skip
            prints = planned.fingerprints
            expected = estimate_build(planned, settings, describer)
            sizes.append(_plan_facts(planned, expected, describer.card.descriptor_dim))
    common = {
        "sources": len(rasters),
        "skipped": [asdict(one) for one in each[0].skipped],
    }
    if not as_json:
        for facts in sizes:
            _print(
                f"{facts['tiles']} tiles of {facts['tile_size_m']:g} m in {facts['crs']}, "
                f"{facts['area_km2']} km2, about {facts['bytes'] / 1e6:.1f} MB and "
                f"{facts['seconds']:.0f} s on this machine with {facts['workers']} processes"
            )
    elif len(sizes) == 1:
        _print_json(sizes[0] | common)
    else:
        sums = {name: _sum(sizes, name) for name in ("tiles", "blocks", "bytes", "seconds")}
        _print_json(sums | common | {"sizes": sizes})


add_commands(app)


def main() -> None:
    """Run the command and exit with its code."""
    code = run(app, "cvgl-tile")
    if code == INTERRUPTED:  # all is ended; only taking the network down would keep the terminal
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _plan_facts(planned: Plan, expected: Estimate, descriptor_dim: int) -> dict[str, Any]:
    """Return what a build of one size would do, for programs."""
    return {
        "tiles": planned.tile_count,
        "blocks": len(planned.blocks),
        "area_km2": round(planned.area_m2 / 1e6, 4),
        "bytes": planned.stored_bytes(descriptor_dim),
        "seconds": round(expected.seconds, 1),
        "workers": expected.workers,
        "crs": planned.grid.crs,
        "tile_size_m": planned.grid.tile_size_m,
        "stride_m": planned.grid.stride_m,
        "gsd_m_per_px": planned.gsd_m_per_px,
        "index_id": planned.index_id,
    }


def _crew(
    engine: str, workers: int | None, describer: TileDescriber, model: str, device: str
) -> Crew:
    """Return who does the work."""
    from cvgl_core.models import resolve_device
    from tiling.crews.processes import Processes
    from tiling.crews.ray_cluster import RayCluster
    from tiling.engines import ModelLoader

    name = str(Path(model).absolute()) if Path(model).is_file() else model
    load = ModelLoader(name, device, describer.precision, describer.runtime)
    if engine == "local":
        return Processes(describer, load, workers, resolve_device(device) == "cuda")
    if engine == "ray":
        return RayCluster(load, workers, device)
    raise SettingsError(f"--engine {engine}: is not known; use local or ray")


def _build_facts(result: BuildResult) -> dict[str, Any]:
    """Return what a build did, for programs."""
    manifest = result.manifest
    return {
        "index": str(result.folder),
        "index_id": manifest.index_id,
        "version": manifest.version,
        "tiles": manifest.tile_count,
        "crs": manifest.grid.crs,
        "model": manifest.model,
        "weights_sha256": manifest.weights_sha256,
        "precision": manifest.precision,
        "runtime": manifest.runtime,
        "shared_trunk": manifest.shared_trunk,
        "blocks_written": result.blocks_written,
        "blocks_kept": result.blocks_kept,
        "sources": len(manifest.sources),
        "skipped": [one.model_dump() for one in manifest.skipped],
        "damaged": len({(tile.row, tile.col) for tile in _damaged(manifest)}),
    }


def _print_build(facts: dict[str, Any]) -> None:
    """Say what a build did, for people."""
    _print(
        f"{facts['index']}: {facts['tiles']} tiles, version {facts['version']}, "
        f"{facts['blocks_written']} blocks written, {facts['blocks_kept']} kept"
    )
    if facts["damaged"]:
        _print(
            f"{facts['damaged']} tiles could not be read whole, as parts of the imagery are "
            f"damaged; the index lists them and why"
        )


def _sum(each: Sequence[dict[str, Any]], name: str) -> Any:
    """Return the sum of a fact of several sizes."""
    return sum(facts[name] for facts in each)


def _damaged(manifest: Manifest) -> list[DamagedRecord]:
    """Return the tiles of an index that could not be read whole."""
    kept = [tile for shard in manifest.shards for tile in shard.damaged]
    return [*kept, *manifest.damaged]


def _print(line: str) -> None:
    """Write a line to stdout."""
    sys.stdout.write(line + "\n")


def _print_json(value: dict[str, Any]) -> None:
    """Write a JSON object to stdout, on one line."""
    _print(json.dumps(value, allow_nan=False))
