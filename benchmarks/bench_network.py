"""The network alone: tiles a second of processor time, by precision and by what tiles share.

Run: ``OMP_NUM_THREADS=1 python benchmarks/bench_network.py CITIES``: CITIES holds the rendered
test cities of ``cvgl simulate benchmark simcity-v1 --part test``. The baseline is the plain network
in float32 as torch runs it, eager and NCHW, at the batch size that is best for it; ways take turns,
and the median of the rounds is shown. Cosines are the lowest of all tiles against the baseline's.

``--recall`` compares what it is all for: every tile of the cities described each way, in blocks of
16 x 16 tiles with their maps reduced as an index stores them, then searched by the cities' views.
OpenVINO takes part where it is installed. ``--compile`` adds ``torch.compile`` with frozen weights,
which takes half a minute.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from cvgl_core.data import simcity
from cvgl_core.data.citypack import CityPack, open_pack
from cvgl_core.evaluation.evalset import CityGrid
from cvgl_core.evaluation.metrics import rank_of
from cvgl_core.evaluation.network import Network
from cvgl_core.index import ReducedMaps, reduce_maps
from cvgl_core.models import DEFAULT_MODEL, Engine, bundled_path, load_engine, load_model
from cvgl_core.models.exported import can_export
from cvgl_core.types import DEFAULT_DEPTH, Float32Array

BLOCK = 16
Encoded = tuple[Float32Array, Float32Array]
Way = Callable[[], Encoded]
Describe = Callable[[CityGrid, np.ndarray], Encoded]


class Plain:
    """The network as it was trained, batch norms and all, in torch's default layout."""

    def __init__(self, weights: Path) -> None:
        self._model, self._card = load_model(weights)
        self._model.eval()

    @torch.inference_mode()
    def encode(self, rgb: np.ndarray, batch: int, layout: torch.memory_format) -> Encoded:
        mean, std = torch.tensor([self._card.mean_rgb, self._card.std_rgb])
        model = self._model.to(memory_format=layout)
        found = []
        for start in range(0, len(rgb), batch):
            pixels = torch.from_numpy(rgb[start : start + batch])
            x = ((pixels.float() / 255.0 - mean) / std).permute(0, 3, 1, 2)
            sixteenth = model.aerial.trunk(x.contiguous(memory_format=layout))[2]
            found.append((model.describe_tiles(sixteenth), model.level0_map(sixteenth)))
        descriptors, maps = zip(*found, strict=True)
        return torch.cat(descriptors).numpy(), torch.cat(maps).numpy()


def compiled(engine: Engine, rgb: np.ndarray) -> Way:
    """The encoder as inductor compiles it, its weights constants."""
    import torch._inductor.config as inductor

    inductor.freezing = True
    encode = torch.compile(engine._encoder.encode)
    dtype = engine._encoder.dtype

    def run() -> Encoded:
        found = []
        with torch.inference_mode():
            for start in range(0, len(rgb), 16):
                x = engine._normalised(rgb[start : start + 16]).to(dtype)
                found.append([y.float().numpy() for y in encode(x)])
        descriptors, maps = zip(*found, strict=True)
        return np.concatenate(descriptors), np.concatenate(maps)

    return run


def unfused(weights: str) -> Engine:
    """An engine in 16 bits whose activations stand alone: what a compiler starts from."""
    from cvgl_core.models import encoder

    fuse, encoder.fuse_activations = encoder.fuse_activations, lambda model: 0
    try:
        return load_engine(weights, "cpu", "bfloat16")
    finally:
        encoder.fuse_activations = fuse


def blocks(grid: CityGrid) -> list[np.ndarray]:
    """The tiles of each block of a city, by number."""
    row_col = grid.origins_px // (grid.tile_px // 2) // BLOCK
    key = row_col[:, 0] * 1000 + row_col[:, 1]
    return [np.flatnonzero(key == one) for one in np.unique(key)]


def block_mosaic(grid: CityGrid, tiles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture under a block's tiles, and their corners in it."""
    corners = grid.origins_px[tiles]
    (top, left), (bottom, right) = corners.min(axis=0), corners.max(axis=0) + grid.tile_px
    return np.array(grid.pack.aerial[top:bottom, left:right]), corners - (top, left)


def by_mosaic(engine: Engine, grid: CityGrid, tiles: np.ndarray) -> Encoded:
    """Describe a block's tiles with their trunk shared."""
    return engine.encode_mosaic(*block_mosaic(grid, tiles))


def show_speed(options: argparse.Namespace, pack: CityPack, engines: dict[str, Engine]) -> None:
    weights = bundled_path(options.model) or Path(options.model)
    plain, grid = Plain(weights), CityGrid.of(pack, engines["float32"].card.aerial_px)
    block = blocks(grid)[0]
    rgb = grid.cut(block)
    some = rgb[:32]
    ways: dict[str, tuple[Way, int]] = {}
    for batch in (1, 8, 32):
        ways[f"plain float32, NCHW, batch {batch}"] = (
            lambda batch=batch: plain.encode(some, batch, torch.contiguous_format),
            len(some),
        )
    ways["plain float32, channels_last, batch 8"] = (
        lambda: plain.encode(some, 8, torch.channels_last),
        len(some),
    )
    loose = unfused(options.model)
    ways["bfloat16, channels_last, activations apart"] = (lambda: loose.encode_tiles(some), 32)
    if options.compile:
        ways["bfloat16, torch.compile, frozen"] = (compiled(loose, some), 32)
    for name, engine in engines.items():
        ways[f"ours, {name}"] = (lambda engine=engine: engine.encode_tiles(some), len(some))
    for name, engine in engines.items():
        if engine.shared_trunk:
            ways[f"ours, {name}, shared trunk, {len(block)} tiles"] = (
                lambda engine=engine: by_mosaic(engine, grid, block),
                len(block),
            )
    results = {name: way() for name, (way, _) in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, (way, tiles) in ways.items():
            start = time.process_time()
            way()
            seconds[name].append((time.process_time() - start) / tiles)
    middle = {name: float(np.median(each)) for name, each in seconds.items()}
    base = min(middle[name] for name in ways if "NCHW" in name)
    expected = results["plain float32, NCHW, batch 8"]
    print(f"{'':50s} tiles/CPU s    ratio   descriptor  map (lowest cosine)")
    for name, each in middle.items():
        cosines = [
            (a[:32] * b).sum(axis=1).min() for a, b in zip(results[name], expected, strict=True)
        ]
        print(
            f"{name:50s} {1 / each:11.0f} {base / each:8.2f} {cosines[0]:12.4f} {cosines[1]:7.4f}"
        )


def ways_of(engines: dict[str, Engine]) -> dict[str, Describe]:
    """Each engine's way to describe a block, alone and with a shared trunk."""
    ways: dict[str, Describe] = {}
    for name, engine in engines.items():
        ways[name] = lambda grid, tiles, engine=engine: engine.encode_tiles(grid.cut(tiles))
    for name, engine in engines.items():
        if engine.shared_trunk:
            ways[f"{name}, shared trunk"] = lambda grid, tiles, engine=engine: by_mosaic(
                engine, grid, tiles
            )
    return ways


def show_recall(packs: Sequence[CityPack], engines: dict[str, Engine], views_per_city: int) -> None:
    """R@1 of all cities as one gallery."""
    hits = recall(packs, engines["float32"], ways_of(engines), views_per_city)
    base = hits["float32"]
    print(f"\n{base.shape[1]} views    R@1   R@10   R@1 re-ranked, depth {DEFAULT_DEPTH}")
    for name, each in hits.items():
        change = each - base
        error = change.std(axis=1) / np.sqrt(change.shape[1])
        shares = "  ".join(f"{100 * share:5.2f}" for share in each.mean(axis=1))
        against = "  ".join(
            f"{100 * a:+.2f} +- {100 * b:.2f}"
            for a, b in zip(change.mean(axis=1), error, strict=True)
        )
        print(f"{name:28s} {shares}   change: {against}", flush=True)


def recall(
    packs: Sequence[CityPack], asker: Engine, ways: dict[str, Describe], views_per_city: int
) -> dict[str, np.ndarray]:
    """Whether each view finds its tile, ways of describing the gallery compared.

    Returns:
        For each way 0 or 1 ``[3, Q]``: right tile first, among the first ten, first re-ranked.
    """
    grids = [CityGrid.of(pack, asker.card.aerial_px) for pack in packs]
    network, queries, columns, truth, first = Network(asker), [], [], [], 0
    for grid in grids:
        views, tiles, _ = grid.covered()
        found = network.views(grid.pack.ground[views[:views_per_city]])
        queries.append(found.descriptor.numpy())
        columns.append(found.columns[0].numpy())
        truth.append(tiles[:views_per_city] + first)
        first += len(grid.origins_px)
    asked, column, right = (np.concatenate(part) for part in (queries, columns, truth))
    calibration = asker.card.calibration
    weight = 1.0 if calibration is None else calibration.match_weight
    hits: dict[str, np.ndarray] = {}
    for name, way in ways.items():
        descriptors, maps = described(grids, way)
        scores = asked @ descriptors.T
        rank = rank_of(scores, right)
        first_is_right = reranked(asker, scores, column, maps, right, weight)
        hits[name] = np.stack([rank == 0, rank < 10, first_is_right]).astype(float)
    return hits


def described(
    grids: Sequence[CityGrid], way: Describe
) -> tuple[Float32Array, list[tuple[ReducedMaps, int]]]:
    """All descriptors as an index rounds them; for each tile its block's maps and its place."""
    descriptors, maps = [], []
    for grid in grids:
        rows = np.empty((len(grid.origins_px), 0), np.float32)
        kept: list[tuple[ReducedMaps, int]] = [None] * len(rows)  # type: ignore[list-item]
        for tiles in blocks(grid):
            one, level0 = way(grid, tiles)
            if not rows.size:
                rows = np.empty((len(kept), one.shape[1]), np.float32)
            rows[tiles] = one.astype(np.float16)
            reduced = reduce_maps(level0)
            for place, tile in enumerate(tiles):
                kept[tile] = (reduced, place)
        descriptors.append(rows)
        maps.extend(kept)
    return np.concatenate(descriptors), maps


def reranked(
    asker: Engine,
    scores: np.ndarray,
    columns: Float32Array,
    maps: Sequence[tuple[ReducedMaps, int]],
    right: np.ndarray,
    weight: float,
) -> np.ndarray:
    """Whether the right tile is first after re-ranking from stored maps."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :DEFAULT_DEPTH]
    found = np.empty(len(order), bool)
    for query, tiles in enumerate(order):
        best = []
        for tile in tiles:
            reduced, place = maps[tile]
            codes = reduced.codes[place].reshape(-1, reduced.codes.shape[-1])
            best.append((codes.astype(np.float32) @ (columns[query] @ reduced.basis)).max())
        total = scores[query, tiles] + weight * np.array(best)
        found[query] = tiles[total.argmax()] == right[query]
    return found


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cities", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name, or a file of weights")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--recall", action="store_true")
    parser.add_argument("--views", type=int, default=400, help="per city")
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    runtimes = ("torch", "openvino") if can_export() else ("torch",)
    engines = {
        precision + ("" if runtime == "torch" else ", OpenVINO"): load_engine(
            options.model, "cpu", precision, runtime
        )
        for runtime in runtimes
        for precision in ("float32", "bfloat16")
    }
    card = engines["float32"].card
    packs = [open_pack(spec, options.cities) for spec in simcity.simcity_specs(card, "test")]
    there = [pack for pack in packs if pack is not None]
    if not there:
        raise SystemExit(f"{options.cities}: holds none of the test cities of simcity-v1")
    show_speed(options, there[0], engines)
    if options.recall:
        show_recall(there, engines, options.views)


if __name__ == "__main__":
    main()
