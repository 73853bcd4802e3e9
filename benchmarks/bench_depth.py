"""Depth of re-ranking: how often the right tile is first, and what a query costs, over k.

Run: ``OMP_NUM_THREADS=1 python benchmarks/bench_depth.py PACKS --seeds 9001 9002 15``, where PACKS
is a folder of rendered cities as ``cvgl train`` keeps them. All cities make one gallery. Costs are
seconds of processor time, with one thread; the baseline is matching the tiles' images, with the
same queries in the same run. Stored maps are also measured with fewer and more channels than an
index keeps.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from pack_gallery import PackGallery, open_city

from cvgl_core.index import KEPT_CHANNELS
from cvgl_core.localization import Localizer, LocalizeSettings
from cvgl_core.localization.rerank import rerank
from cvgl_core.localization.retrieve import Retrieved, ViewQuery, describe, retrieve
from cvgl_core.models import DEFAULT_MODEL, Engine, load_engine
from cvgl_core.types import DEFAULT_DEPTH, Float32Array, IntArray, no_progress

DEPTHS = (1, 5, 10, 20, 50, 100, 200, 500, 1000)
_BATCH = 16


def exact_match(gallery: PackGallery, query: ViewQuery, tiles: IntArray) -> Float32Array:
    """Return max M^0 of tiles from maps that were not reduced ``[K]``."""
    maps = gallery.maps[tiles].astype(np.float32)
    cosines = np.einsum("c,nchw->nhw", query.features.columns[0], maps, optimize=True)
    return np.asarray(cosines.max(axis=(1, 2)))


def stored_match(
    engine: Engine, gallery: PackGallery, query: ViewQuery, found: Retrieved
) -> Float32Array:
    """Return max M^0 of the retrieved tiles from stored maps ``[K]``, in their order."""
    ranked = rerank(engine, gallery, query, found, _BATCH, no_progress)
    match = np.empty(len(ranked), np.float32)
    match[[tile.retrieval_rank - 1 for tile in ranked]] = [tile.match_score for tile in ranked]
    return match


def first_is_right(
    found: Sequence[Retrieved],
    matches: Sequence[Float32Array],
    truth: IntArray,
    depth: int,
    weight: float = 1.0,
) -> float:
    """Return R@1 in percent after re-ranking ``depth`` tiles."""
    right = [
        each.tiles[(each.scores[:depth, 0] + weight * match[:depth]).argmax()] == tile
        for each, match, tile in zip(found, matches, truth, strict=True)
    ]
    return 100.0 * float(np.mean(right))


def cost_ms(
    work: Callable[[ViewQuery, Retrieved], object], some: Sequence[tuple[ViewQuery, Retrieved]]
) -> float:
    """Return milliseconds of processor time per query."""
    work(*some[0])
    start = time.process_time()
    for query, found in some:
        work(query, found)
    return 1000 * (time.process_time() - start) / len(some)


def costs_by_depth(
    engine: Engine,
    gallery: PackGallery,
    queries: Sequence[ViewQuery],
    found: Sequence[Retrieved],
    limit: int,
) -> dict[int, tuple[float | None, float]]:
    """Return the cost of matching images (up to ``limit`` tiles) and maps by depth."""

    def work(query: ViewQuery, part: Retrieved) -> object:
        return rerank(engine, gallery, query, part, _BATCH, no_progress)

    costs: dict[int, tuple[float | None, float]] = {}
    for depth in DEPTHS:
        some = [
            (query, Retrieved(each.tiles[:depth], each.scores[:depth]))
            for query, each in zip(queries[:8], found[:8], strict=True)
        ]
        gallery.has_maps = False
        images = cost_ms(work, some[:3]) if depth <= limit else None
        gallery.has_maps = True
        costs[depth] = images, cost_ms(work, some)
    return costs


def print_recentring(engine: Engine, gallery: PackGallery, depth: int, limit: int) -> None:
    """Print how often the named tile is right, and the errors, before and after re-centring."""
    settings = LocalizeSettings(depth=depth, top_k=min(5, depth))
    plain, moving = (
        Localizer(gallery, engine, replace(settings, recentre=recentre))
        for recentre in (False, True)
    )
    right, errors_m, moved = [], [], 0
    step = max(1, len(gallery.views) // limit)
    for view, camera, truth in list(
        zip(gallery.views, gallery.cameras_m, gallery.truth, strict=True)
    )[::step]:
        after = moving.search(view).fused
        # Where nothing moved, re-centring did nothing at all.
        before = after if after.moved_from is None else plain.search(view).fused
        moved += after.moved_from is not None
        right.append([fused.ranked[0].tile == truth for fused in (before, after)])
        places = [(fused.place.x_m, fused.place.y_m) for fused in (before, after)]
        errors_m.append(np.hypot(*(np.array(places) - camera).T))
    print(f"\nre-centring, k = {depth}, {len(right)} queries, {moved} of them moved")
    for row, name in enumerate(("before", "after")):
        shares = [100 * (np.array(errors_m)[:, row] <= reach_m).mean() for reach_m in (1, 5, 10)]
        named = 100 * np.array(right)[:, row].mean()
        print(
            f"  {name:6s}  named tile right {named:.1f} %, within 1 / 5 / 10 m "
            + " / ".join(f"{share:.1f}" for share in shares)
            + " %"
        )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[9001, 9002])
    parser.add_argument("--views", type=int, default=400, help="per city")
    parser.add_argument("--kept", type=int, nargs="*", default=[32, 64, 128])
    parser.add_argument("--weights", type=float, nargs="*", default=[0.5, 1.5, 2.0])
    parser.add_argument("--images-to", type=int, default=100, help="largest k matched from images")
    parser.add_argument("--located", type=int, default=100, help="views located for re-centring")
    parser.add_argument("--located-depths", type=int, nargs="*", default=[5, DEFAULT_DEPTH])
    parser.add_argument("--model", default=DEFAULT_MODEL, help="name, or a file of weights")
    options = parser.parse_args()
    torch.set_num_threads(1)
    engine = load_engine(options.model, "cpu")
    packs = [open_city(options.packs, seed, engine.card) for seed in options.seeds]
    gallery = PackGallery(engine, packs, views_per_city=options.views)
    queries = [describe(engine, view) for view in gallery.views]
    found = [retrieve(gallery, query, DEPTHS[-1], None) for query in queries]
    exact = [exact_match(gallery, q, each.tiles) for q, each in zip(queries, found, strict=True)]
    truth = gallery.truth
    print(f"{engine.card.name}: {len(gallery.rows)} tiles, {len(queries)} queries, one thread")

    stored: dict[int, list[Float32Array]] = {}
    print("\nkept channels  bytes a tile  rms error  largest  same first   R@1 - exact, by depth")
    for kept in sorted({*options.kept, KEPT_CHANNELS}):
        gallery.reduce(kept)
        stored[kept] = [
            stored_match(engine, gallery, q, each) for q, each in zip(queries, found, strict=True)
        ]
        error = np.array(stored[kept])[:, :50] - np.array(exact)[:, :50]
        scores = np.array([each.scores[:200, 0] for each in found])
        firsts = [(scores + np.array(m)[:, :200]).argmax(axis=1) for m in (stored[kept], exact)]
        change = [
            first_is_right(found, stored[kept], truth, depth)
            - first_is_right(found, exact, truth, depth)
            for depth in DEPTHS[1:]
        ]
        rms, same = np.sqrt((error**2).mean()), 100 * (firsts[0] == firsts[1]).mean()
        print(
            f"{kept:13d}  {gallery.groups[0].codes[0].nbytes:12d}  {rms:9.4f}  "
            f"{np.abs(error).max():7.4f}  {same:8.1f} %   "
            + " ".join(f"{value:+.1f}" for value in change)
        )

    gallery.reduce()
    costs = costs_by_depth(engine, gallery, queries, found, options.images_to)
    ways = [("R@1, exact", exact, 1.0), ("R@1, stored", stored[KEPT_CHANNELS], 1.0)]
    ways += [(f"w = {weight:g}", stored[KEPT_CHANNELS], weight) for weight in options.weights]
    titles = [*(title for title, _, _ in ways), "images ms", "maps ms", "maps / images"]
    print("\n    k" + "".join(f"{title:>15s}" for title in titles))
    for depth in DEPTHS:
        images, maps = costs[depth]
        cells = [f"{first_is_right(found, m, truth, depth, weight):.1f}" for _, m, weight in ways]
        cells += ["" if images is None else f"{images:.1f}", f"{maps:.2f}"]
        cells += ["" if images is None else f"{maps / images:.3f}"]
        print(f"{depth:5d}" + "".join(f"{cell:>15s}" for cell in cells))
    for depth in options.located_depths:
        print_recentring(engine, gallery, depth, options.located)


if __name__ == "__main__":
    main()
