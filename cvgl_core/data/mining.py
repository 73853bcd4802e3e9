"""Which pairs of a listed data set go into a batch together: those that look or lie alike.

Sample4Geo's recipe (ICCV 2023): a batch grows around random pairs by their neighbours, which are
the nearest tiles at first and later those that the network itself confuses. Its code keeps the
whole similarity matrix in memory (19 GB for VIGOR); here a running selection is kept instead.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from cvgl_core.types import IntArray


@dataclass(frozen=True)
class BatchRules:
    """How batches are built.

    Attributes:
        size: pairs of a batch.
        neighbours: pairs that join a random pair: half of them its nearest, half drawn from the
            rest of its list.
        misfits: an epoch ends after so many pairs in a row that fit no batch.
    """

    size: int
    neighbours: int = 32
    misfits: int = 1024


def most_similar(
    queries: Tensor,
    references: Tensor,
    count: int,
    leave_out: Tensor,
    query_chunk: int = 1024,
    reference_chunk: int = 8192,
) -> Tensor:
    """Return the ``count`` references of largest cosine for each query, best first ``[Q, count]``.

    No more than ``query_chunk * (reference_chunk + count)`` similarities exist at any time.

    Args:
        queries: L2-normalised ``[Q, D]``.
        references: L2-normalised ``[N, D]``.
        count: less than N.
        leave_out: one reference of each query that is never returned: its own ``[Q]``.
        query_chunk: queries compared at a time.
        reference_chunk: references compared at a time.
    """
    found = [
        _best(part, references, count, own, reference_chunk)
        for part, own in zip(
            torch.split(queries, query_chunk), torch.split(leave_out, query_chunk), strict=True
        )
    ]
    return torch.cat(found)


def _best(queries: Tensor, references: Tensor, count: int, own: Tensor, chunk: int) -> Tensor:
    """Run through the references and keep the best so far."""
    scores = queries.new_empty((len(queries), 0))
    index = own.new_empty((len(queries), 0))
    for start in range(0, len(references), chunk):
        part = queries @ references[start : start + chunk].T
        number = torch.arange(start, start + part.shape[1], device=own.device)
        part.masked_fill_(number[None, :] == own[:, None], float("-inf"))
        together = torch.cat([scores, part], dim=1)
        scores, place = together.topk(min(count, together.shape[1]), dim=1)
        index = torch.cat([index, number.expand(len(queries), -1)], dim=1).gather(1, place)
    return index


def epoch_batches(
    tile: IntArray, neighbours: IntArray | None, rules: BatchRules, rng: np.random.Generator
) -> IntArray:
    """Return the batches of an epoch, ``[n, size]`` pairs, full batches only.

    Every pair is used at most once, and no batch holds two pairs of one tile. What fits nowhere at
    the end of the epoch is left out, as in the original.

    Args:
        tile: number of each pair's tile, ``0 ... T-1``, ``[P]``.
        neighbours: tiles like each pair's own, most alike first, ``[P, K]``; None for none.
        rules: of the batches.
        rng: of every choice.
    """
    photos = _pairs_of_tiles(tile)
    waiting = deque(rng.permutation(len(tile)).tolist())
    used = np.zeros(len(tile), dtype=bool)
    batches: list[list[int]] = []
    batch: list[int] = []
    taken: set[int] = set()
    misfits = 0
    while waiting and misfits < rules.misfits:
        pair = waiting.popleft()
        if used[pair]:
            continue
        if int(tile[pair]) in taken:
            waiting.append(pair)
            misfits += 1
            continue
        misfits = 0
        near = () if neighbours is None else _chosen(neighbours[pair], rules.neighbours, rng)
        for member in (pair, *_partners(near, photos, used, taken, rng)):
            if len(batch) == rules.size:
                break
            if int(tile[member]) in taken:
                continue
            batch.append(member)
            used[member] = True
            taken.add(int(tile[member]))
        if len(batch) == rules.size:
            batches.append(batch)
            batch, taken = [], set()
    return np.array(batches, dtype=np.int64).reshape(-1, rules.size)


def _pairs_of_tiles(tile: IntArray) -> list[list[int]]:
    photos: list[list[int]] = [[] for _ in range(int(tile.max(initial=-1)) + 1)]
    for pair, number in enumerate(tile.tolist()):
        photos[number].append(pair)
    return photos


def _chosen(near: IntArray, count: int, rng: np.random.Generator) -> list[int]:
    """Return the nearest half of ``count`` tiles, and the other half at random from the rest."""
    half = count // 2
    far = rng.permutation(near[half:])[:half]
    return [int(number) for number in (*near[:half], *far)]


def _partners(
    tiles: list[int] | tuple[()],
    photos: list[list[int]],
    used: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
    taken: set[int],
    rng: np.random.Generator,
) -> Iterator[int]:
    """Yield for each tile that is not in the batch one of its unused pairs."""
    for number in tiles:
        free = [] if number in taken else [pair for pair in photos[number] if not used[pair]]
        if free:
            yield free[int(rng.integers(len(free)))]
