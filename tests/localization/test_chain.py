"""Smoothing along a walk, against the sum over all walks on a small lattice."""

from itertools import product

import numpy as np
import pytest

from cvgl_core.geo.heading import WRONG
from cvgl_core.localization.chain import Support, log_evidence, smooth
from cvgl_core.localization.motion import Step
from cvgl_core.localization.posterior import BLOCK, Cells

CELL_M = 2.0


def cells(rows, cols, mass):
    return Cells(np.array(rows), np.array(cols), np.array(mass, float))


def few(seed, count=5, far=0):
    """Mass on a few cells, some across the border of a block, and negative ones."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-6, 6, count) + far
    cols = rng.integers(BLOCK - 6, BLOCK + 6, count)
    keys = np.unique(np.stack([rows, cols], axis=1), axis=0)
    return cells(keys[:, 0], keys[:, 1], rng.uniform(0.1, 1, len(keys)))


def transition(support, step, start, end):
    """Probability of a cell ``end`` after ``start``, as a relative density."""
    kernel = step.kernel(support.cell_m)
    half = len(kernel) // 2
    down = end[0] - start[0] + round(step.north_m / support.cell_m) + half
    right = end[1] - start[1] - round(step.east_m / support.cell_m) + half
    inside = 0 <= down < len(kernel) and 0 <= right < len(kernel)
    near = kernel[down, right] if inside else 0.0
    return (1 - WRONG) * near * support.area_m2 / support.cell_m**2 + WRONG


def by_hand(support, fields, steps):
    """Marginals of the other photos at the cells of each, and the evidence."""
    places = [list(zip(f.rows.tolist(), f.cols.tolist(), strict=True)) for f in fields]
    shares = [f.mass for f in fields]
    marginal = [np.zeros(len(f.mass)) for f in fields]
    total = 0.0
    for walk in product(*(range(len(p)) for p in places)):
        weight = np.prod([shares[i][k] for i, k in enumerate(walk)])
        for i, step in enumerate(steps):
            weight *= transition(support, step, places[i][walk[i]], places[i + 1][walk[i + 1]])
        total += weight
        for i, k in enumerate(walk):
            marginal[i][k] += weight
    return [m / m.sum() for m in marginal], total


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_sum_over_all_walks(seed):
    fields = [few(10 * seed + i) for i in range(3)]
    steps = [Step(4.0, -6.0, std_m=2.0), Step(reach_m=8.0, std_m=2.0)]
    support = Support.of(fields, CELL_M, area_m2=1e5)
    likelihoods = [support.density(field) for field in fields]
    expected, total = by_hand(support, fields, steps)
    messages = smooth(support, likelihoods, steps)
    for field, likelihood, message, wanted in zip(
        fields, likelihoods, messages, expected, strict=True
    ):
        posterior = support.field(likelihood * message)
        found = np.array(
            [
                posterior.window(r, c, 1, 1)[0, 0]
                for r, c in zip(field.rows, field.cols, strict=True)
            ]
        )
        np.testing.assert_allclose(found / found.sum(), wanted, rtol=1e-6, atol=1e-12)
    assert log_evidence(support, likelihoods, steps) == pytest.approx(np.log(total), rel=1e-6)


def test_far_blocks_only_hear_that_steps_can_be_wrong():
    fields = [few(1), few(2, far=100 * BLOCK)]
    support = Support.of(fields, CELL_M, 1e6)
    moved = support.moved(support.density(fields[0]), Step(reach_m=20.0))
    far = moved[support.blocks[:, 0] > 50]
    np.testing.assert_allclose(far, WRONG * fields[0].mass.sum())


def test_long_steps_are_spread_on_coarser_cells():
    field = cells([10], [10], [1.0])
    support = Support.of([field], CELL_M, 1e6)
    step = Step(reach_m=400.0)
    moved = support.moved(support.density(field), step)
    wanted = 1e6 / (np.pi * 400.0**2)
    assert 0.5 * wanted < moved.min() <= moved.max() < wanted * 1.1
    np.testing.assert_allclose(support.moved(support.density(field), Step(reach_m=50_000)), 1.0)


def test_density_is_relative_to_all_that_is_searched():
    field = few(3)
    support = Support.of([field, few(4)], CELL_M, 12_345.0)
    density = support.density(field)
    assert support.mean(density) == pytest.approx(field.mass.sum())
