"""Reduced maps: how near they come, and that their bytes depend on nothing but the maps."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvgl_core.index import map_record, reduce_maps


def unit_maps(seed, count, channels=32, side=4, rank=6, noise=0.02):
    """Maps [N, C, h, w] near a subspace, as those of a network are."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(rank, channels)) * 2.0 ** -np.arange(rank)[:, None]
    values = rng.normal(size=(count, side, side, rank)) @ basis
    values += noise * rng.normal(size=values.shape)
    values /= np.linalg.norm(values, axis=-1, keepdims=True)
    return np.moveaxis(values, -1, 1).astype(np.float32)


def restored(reduced):
    return np.moveaxis(reduced.codes.astype(np.float32) @ reduced.basis.T, -1, 1)


@given(st.integers(0, 1000), st.sampled_from([1, 2, 7, 40]))
@settings(max_examples=20, deadline=None)
def test_nothing_is_lost_but_rounding_when_all_channels_are_kept(seed, count):
    maps = unit_maps(seed, count)
    reduced = reduce_maps(maps, kept=32)
    assert reduced.codes.dtype == np.int8 and reduced.codes.shape == (count, 4, 4, 32)
    assert np.abs(restored(reduced) - maps).max() < 0.02


@given(st.integers(0, 1000), st.sampled_from([3, 12, 60]), st.integers(2, 16))
@settings(max_examples=20, deadline=None)
def test_as_good_as_the_eigenvectors_of_a_library(seed, count, kept):
    maps = unit_maps(seed, count)
    flat = np.moveaxis(maps, 1, -1).reshape(-1, 32).astype(np.float64)
    least = np.linalg.eigvalsh(flat.T @ flat)[: 32 - kept].sum()
    lost = ((restored(reduce_maps(maps, kept)) - maps) ** 2).sum()
    rounding = 5e-3 * len(flat)
    assert lost <= 1.1 * least + rounding


def test_a_few_directions_that_say_all():
    maps = unit_maps(1, 20, rank=3, noise=0.0)
    reduced = reduce_maps(maps, kept=16)
    assert np.abs(restored(reduced) - maps).max() < 0.02
    assert (np.abs(reduced.basis) <= 1).all()


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_maps_without_any_variety(value):
    maps = np.zeros((2, 8, 2, 2), np.float32)
    maps[:, 3] = value
    np.testing.assert_allclose(restored(reduce_maps(maps, 4)), maps, atol=1e-3)


def test_the_order_of_adding_does_not_matter():
    """Sums are exact, so that the same tiles in another order span the same directions."""
    maps = unit_maps(4, 30)
    order = np.random.default_rng(0).permutation(30)
    one, two = reduce_maps(maps, 8), reduce_maps(maps[order], 8)
    assert np.array_equal(one.basis, two.basis)
    assert np.array_equal(one.codes[order], two.codes)


def test_threads_do_not_change_a_byte():
    code = (
        "import hashlib\n"
        "from cvgl_core.index import reduce_maps\n"
        "from tests.index.test_maps import unit_maps\n"
        "found = reduce_maps(unit_maps(0, 200, channels=128, side=8, rank=90), 64)\n"
        "print(hashlib.sha256(found.codes.tobytes() + found.basis.tobytes()).hexdigest())"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    }
    assert len(printed) == 1


def test_a_small_network_keeps_all_its_channels():
    assert map_record((16, 2, 3)).tile_bytes == 16 * 2 * 3
    assert map_record((256, 8, 8)).tile_bytes == 4096
    assert map_record((768, 12, 12)).basis_bytes == 4 * 768 * 64
