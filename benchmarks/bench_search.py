"""Search against FAISS and usearch: what it costs, and how often the right tile is found.

Run: ``python benchmarks/bench_search.py [--tiles 100000] [--dim 768] [--descriptors FILE.npz]``.

Street photos lie far from all tiles, so an index is judged by the right tile (``task``), not by how
many of the exact neighbours it finds (``same``). Without a file of descriptors (arrays ``tiles``
``[N, D]``, ``views`` ``[Q, D]`` and ``truth`` ``[Q]``) they are made up: 2,000 clusters of unequal
size in 96 of the dimensions, and for each query its tile moved by what all queries share and by a
random part. One thread; processor time. Ratios are to the first row of the same run: FAISS Flat
unless it would not fit into the memory given.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import process_time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import faiss
import numpy as np
from numpy.typing import NDArray

from cvgl_core.index.codes import Codes, code_bytes, coded_search, make_codes
from cvgl_core.index.search import exact_search

DEPTH = 50
_PIECE = 20_000
_BATCH = 32
_CLUSTERS, _SUBSPACE = 2000, 96

Indices = NDArray[np.int64]
Find = Callable[[NDArray[np.float32]], Indices]


@dataclass(frozen=True)
class Task:
    """A gallery ``[N, D]``, queries ``[Q, D]`` and the right tile of each ``[Q]``."""

    gallery: NDArray[np.float16]
    queries: NDArray[np.float32]
    truth: Indices


@dataclass(frozen=True)
class Candidate:
    """A way to search: bytes a tile beside the descriptors, and how to build it."""

    name: str
    tile_bytes: float
    build: Callable[[Task], Find]


def made_up(path: Path, count: int, dim: int, queries: int, noise: float) -> Task:
    """Write a gallery piece by piece and return it mapped."""
    rng = np.random.default_rng(1)
    decay = np.arange(1, _SUBSPACE + 1, dtype=np.float32) ** -0.5
    decay /= np.linalg.norm(decay)
    axes = np.linalg.qr(rng.standard_normal((dim, _SUBSPACE)))[0].T.astype(np.float32)
    axes *= decay[:, None]
    centres = rng.standard_normal((_CLUSTERS, _SUBSPACE), np.float32)
    weights = np.arange(1, _CLUSTERS + 1) ** -0.8
    gallery = np.lib.format.open_memmap(path, "w+", np.float16, (count, dim))
    for start in range(0, count, _PIECE):
        size = min(_PIECE, count - start)
        own = 0.8 * rng.standard_normal((size, _SUBSPACE), np.float32)
        rows = (centres[rng.choice(_CLUSTERS, size, p=weights / weights.sum())] + own) @ axes
        gallery[start : start + size] = unit(rows + faint(rng, size, dim, 0.25))
    gallery.flush()
    truth = np.sort(rng.choice(count, queries, replace=False))
    shared = 0.5 * unit(rng.standard_normal((1, _SUBSPACE), np.float32) @ axes)
    moved = gallery[truth].astype(np.float32) + shared + faint(rng, queries, dim, 0.5)
    moved += noise * rng.standard_normal((queries, _SUBSPACE), np.float32) @ axes
    return Task(np.load(path, mmap_mode="r"), unit(moved), truth)


def faint(rng: np.random.Generator, count: int, dim: int, length: float) -> NDArray[np.float32]:
    """Return noise of about a length in all directions."""
    noise: NDArray[np.float32] = rng.standard_normal((count, dim), np.float32)
    noise *= np.float32(length / np.sqrt(dim))
    return noise


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of unit length."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def exact(task: Task) -> Find:
    """Search as an index of a city does."""
    return lambda queries: exact_search(task.gallery, queries, DEPTH).indices


def coded(task: Task) -> Find:
    """Search as an index of a country does."""
    codes = Codes(make_codes(task.gallery))
    return lambda queries: coded_search(codes, task.gallery, queries, DEPTH).indices


def of_faiss(factory: str, ef: int = 0) -> Callable[[Task], Find]:
    """Return what builds and searches an index of FAISS."""

    def build(task: Task) -> Find:
        index = faiss.index_factory(task.gallery.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
        for start in range(0, len(task.gallery), _PIECE):
            rows = unit(task.gallery[start : start + _PIECE].astype(np.float32))
            if not index.is_trained:
                index.train(rows)
            index.add(rows)
        if ef:
            index.hnsw.efSearch = ef
        return lambda queries: index.search(queries, DEPTH)[1]

    return build


def of_usearch(ef: int) -> Callable[[Task], Find]:
    """Return what builds and searches an index of usearch."""

    def build(task: Task) -> Find:
        from usearch.index import Index

        index = Index(ndim=task.gallery.shape[1], metric="ip", dtype="bf16", expansion_search=ef)
        for start in range(0, len(task.gallery), _PIECE):
            rows = task.gallery[start : start + _PIECE].astype(np.float32)
            index.add(np.arange(start, start + len(rows)), rows, threads=1)
        return lambda queries: np.atleast_2d(index.search(queries, DEPTH, threads=1).keys)

    return build


def candidates(dim: int) -> list[Candidate]:
    """Return all ways, the baseline first."""
    ways = [
        Candidate("FAISS Flat", 4 * dim, of_faiss("Flat")),
        Candidate("FAISS SQfp16", 2 * dim, of_faiss("SQfp16")),
        Candidate("FAISS SQ8", dim, of_faiss("SQ8")),
        Candidate("FAISS HNSW32, ef 64", 4 * dim + 272, of_faiss("HNSW32", 64)),
        Candidate("FAISS HNSW32, ef 256", 4 * dim + 272, of_faiss("HNSW32", 256)),
        Candidate("cvgl, exact", 0, exact),
        Candidate("cvgl, codes", code_bytes(dim), coded),
    ]
    if find_spec("usearch") is not None:
        ways.insert(5, Candidate("usearch HNSW bf16, ef 64", 2 * dim + 136, of_usearch(64)))
    return ways


def share_in(found: Indices, truth: Indices, k: int) -> float:
    """Return how often the right tile is among the first ``k``."""
    return float((found[:, :k] == truth[:, None]).any(axis=1).mean())


def measure(way: Candidate, task: Task, best: Indices) -> tuple[float, str]:
    """Return the milliseconds of one query, and all figures as text."""
    start = process_time()
    find = way.build(task)
    build_s = process_time() - start
    find(task.queries[:1])
    each = []
    for query in task.queries[:30]:
        start = process_time()
        find(query[None])
        each.append(process_time() - start)
    start = process_time()
    found = np.concatenate(
        [find(task.queries[at : at + _BATCH]) for at in range(0, len(task.queries), _BATCH)]
    )
    batch_ms = 1000 * (process_time() - start) / len(found)
    same = [len(np.intersect1d(a[:5], b[:5])) / 5 for a, b in zip(found, best, strict=True)]
    right = "  ".join(f"{share_in(found, task.truth, k):.3f}" for k in (1, 5, DEPTH))
    one_ms = 1000 * float(np.median(each))
    figures = f"{build_s:8.1f} {way.tile_bytes:7.0f} {one_ms:9.2f} {batch_ms:9.2f}"
    return one_ms, f"{figures}   {np.mean(same):.3f}   {right}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiles", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--queries", type=int, default=320)
    parser.add_argument("--noise", type=float, default=0.85, help="how far queries were moved")
    parser.add_argument("--descriptors", type=Path, help="measured ones, instead of made-up ones")
    parser.add_argument("--only", default="", help="ways whose name holds one of these, by commas")
    parser.add_argument("--memory-gb", type=float, default=1.5, help="that an index may take")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    faiss.cvar.distance_compute_blas_threshold = 3000  # else no BLAS for batches of this size
    with tempfile.TemporaryDirectory() as folder:
        if options.descriptors is not None:
            stored = np.load(options.descriptors, allow_pickle=False)
            task = Task(stored["tiles"], stored["views"][: options.queries], stored["truth"])
            task = Task(task.gallery, task.queries, task.truth[: options.queries])
        else:
            path = Path(folder) / "gallery.npy"
            task = made_up(path, options.tiles, options.dim, options.queries, options.noise)
        count, dim = task.gallery.shape
        best = exact_search(task.gallery, task.queries, DEPTH).indices
        print(f"{count:,} tiles of {dim} numbers, {len(task.queries)} queries, one thread")
        print(
            f"{'':26s}  build s  B/tile  1 query, ms  of {_BATCH}, ms  same@5  task@1, 5, {DEPTH}"
        )
        base_ms = None
        for way in candidates(dim):
            wanted = not options.only or any(part in way.name for part in options.only.split(","))
            if not wanted or way.tile_bytes * count > options.memory_gb * 1e9:
                continue
            one_ms, figures = measure(way, task, best)
            base_ms = base_ms or one_ms
            print(f"{way.name:26s} {figures}   {base_ms / one_ms:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
