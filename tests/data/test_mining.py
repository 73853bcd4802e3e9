"""Similar pairs without the whole matrix, and batches as Sample4Geo builds them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from cvgl_core.data.mining import BatchRules, epoch_batches, most_similar


def descriptors(count: int, seed: int, width: int = 16) -> torch.Tensor:
    rng = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, width, generator=rng), dim=1)


class Largest(TorchDispatchMode):
    """Notes how many elements the largest tensor that came to be has."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in result if isinstance(result, tuple | list) else (result,):
            if isinstance(value, torch.Tensor):
                self.elements = max(self.elements, value.numel())
        return result


@settings(max_examples=30, deadline=None)
@given(
    queries=st.integers(1, 40),
    references=st.integers(4, 60),
    chunks=st.tuples(st.integers(1, 50), st.integers(1, 70)),
    seed=st.integers(0, 99),
)
def test_running_selection_equals_the_whole_matrix(queries, references, chunks, seed):
    q, r = descriptors(queries, seed), descriptors(references, seed + 1)
    own = torch.randint(references, (queries,), generator=torch.Generator().manual_seed(seed))
    found = most_similar(q, r, 3, own, *chunks)
    matrix = q.double() @ r.double().T
    matrix[torch.arange(queries), own] = -2.0
    wanted = matrix.sort(dim=1, descending=True).values[:, :3]
    assert torch.allclose(matrix.gather(1, found), wanted, atol=1e-6)
    assert not (found == own[:, None]).any()


def test_the_whole_matrix_never_exists():
    q, r = descriptors(1500, 0, 8), descriptors(2000, 1, 8)
    with Largest() as seen:
        most_similar(q, r, 16, torch.zeros(1500, dtype=torch.long), 100, 200)
    assert seen.elements <= max(100 * (200 + 16), 1500 * 16)


@pytest.fixture
def world():
    """300 pairs on 200 tiles in a line; neighbours are the next tiles along it."""
    rng = np.random.default_rng(0)
    tile = np.sort(np.concatenate([np.arange(200), rng.integers(0, 200, 100)]))
    distance = np.abs(np.arange(200)[None] - tile[:, None]).astype(float)
    distance[distance == 0] = np.inf
    return tile, np.argsort(distance, axis=1, kind="stable")[:, :40]


def batches(world, seed=0, **rules):
    tile, neighbours = world
    return epoch_batches(tile, neighbours, BatchRules(16, **rules), np.random.default_rng(seed))


def test_no_pair_twice_an_epoch_and_no_tile_twice_a_batch(world):
    found = batches(world, neighbours=8)
    assert len(np.unique(found)) == found.size
    assert all(len(set(world[0][batch])) == 16 for batch in found)
    assert found.size > 0.8 * 300


def test_batches_hold_neighbours(world):
    def closeness(neighbours):
        found = np.sort(world[0][batches(world, neighbours=neighbours)], axis=1)
        return np.median(np.diff(found, axis=1))

    assert closeness(8) < 0.5 * closeness(0)


def test_half_are_the_nearest_and_half_are_drawn_from_the_rest(world):
    tile, neighbours = world
    first = batches(world, neighbours=8)[0]
    near = tile[first[1:5]]
    assert set(near) == set(neighbours[first[0]][:4])
    assert set(tile[first[5:9]]) <= set(neighbours[first[0]][4:])


def test_without_neighbours_batches_are_random_but_fair(world):
    found = epoch_batches(world[0], None, BatchRules(16), np.random.default_rng(0))
    assert all(len(set(world[0][batch])) == 16 for batch in found)


def test_gives_up_after_misfits():
    tile = np.zeros(5000, dtype=np.int64)  # all photos on one tile: no batch of two can be made
    found = epoch_batches(tile, None, BatchRules(2), np.random.default_rng(0))
    assert found.shape == (0, 2)


def test_same_seed_same_batches(world):
    assert np.array_equal(batches(world, 3), batches(world, 3))
    assert not np.array_equal(batches(world, 3)[0], batches(world, 4)[0])
